"""How one head found its place: each stage over time, and the scalar that made it (Eq. 5 to 9)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ntm.figures import slots
from ntm.figures.canvas import Array, Times, draw_map, mark, settle, sheet
from ntm.runs.trace import Trace, TraceError

HEIGHTS = (0.7, 1.6) * 4


def addressing(trace: Trace, head: str, *, cmap: str = "gray") -> Figure:
    """The chain of one head: content, gated, shifted and final weighting, top to bottom.

    Above each is what made it: key strength, gate, shift, sharpening.
    """
    stages = trace.head(head)
    if "gated_weighting" not in stages:
        raise TraceError("figure addressing draws the four weightings of Eq. 5 to 9, not these")
    shown = slots.window([stages["weighting"][:, None], stages["gated_weighting"][:, None]])
    times = Times(trace.phases, trace.first_step)
    figure = sheet(sum(HEIGHTS) + 2.6, f"{trace.title}: how {head} found its place")
    axes = figure.subplots(8, 1, sharex=True, height_ratios=HEIGHTS)
    chain = (
        ("key_strength", "key strength β", "content_weighting", "content: softmax(β cos(k, M))"),
        ("gate", "gate g", "gated_weighting", "gated: g content + (1 - g) last weighting"),
        ("shift", "shift s", "shifted_weighting", "shifted: gated, moved around the circle by s"),
        (
            "sharpening",
            "sharpening γ",
            "weighting",
            "weighting: shifted to the power γ, normalised",
        ),
    )
    for index, (scalar, label, stage, name) in enumerate(chain):
        curve, chart = axes[2 * index], axes[2 * index + 1]
        draw_curve(curve, stages[scalar], label, trace)
        mark(curve, len(trace), times, named=index == 0)
        draw_map(chart, slots.panel(name, stages[stage], shown, cmap=cmap), times)
        mark(chart, len(trace), times, named=False)
        chart.set_title(name, fontsize=8, loc="left", pad=3)
        chart.set_ylabel("slot", fontsize=8)
    axes[-1].set_xlabel("step", fontsize=8)
    axes[0].set_xlim(trace.first_step - 0.5, trace.first_step + len(trace) - 0.5)
    return settle(figure)


def draw_curve(axis: Axes, values: Array, label: str, trace: Trace) -> None:
    """A scalar [T] over time, or the parts [T, S] of a shift weighting."""
    steps = range(trace.first_step, trace.first_step + len(values))
    style = "." if len(values) <= 100 else ""
    if values.ndim == 1:
        axis.plot(steps, values, f"{style}-", color="tab:blue", linewidth=1, markersize=3)
    else:
        moves = trace.facts.get("shifts", range(values.shape[1]))
        for part, move in zip(values.T, moves, strict=True):
            axis.plot(
                steps,
                part,
                f"{style}-",
                linewidth=1,
                markersize=3,
                label=f"{move:+d}" if move else "0",
            )
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7, frameon=False)
    low = 1.0 if label == "sharpening γ" else 0.0
    high = 1.0 if label in ("gate g", "shift s") else max(float(values.max(initial=0)), low + 1)
    room = 0.08 * (high - low)
    axis.set_ylim(low - room, high + room)
    axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
    axis.tick_params(labelsize=7)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=2, steps=[1, 2, 5, 10]))
    axis.grid(alpha=0.3, linewidth=0.5)
