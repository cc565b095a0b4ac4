"""How one head found its place: each stage over time, and the scalar that made it."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ntm.architectures import catalogue
from ntm.architectures.chain import Link
from ntm.figures import slots
from ntm.figures.canvas import Array, Times, draw_map, mark, settle, sheet
from ntm.runs.trace import Trace, TraceError

HEIGHTS = (0.7, 1.6)


def addressing(trace: Trace, head: str, *, cmap: str = "gray") -> Figure:
    """The chain of one head's weightings, top to bottom, above each the control that made it.

    Raises:
        TraceError: no architecture has a chain of the stages that this head has
    """
    stages = trace.head(head)
    chain = chain_of(stages)
    shown = slots.window([stages[link.weighting][:, None] for link in chain[1:]])
    times = Times(trace.phases, trace.first_step)
    heights = HEIGHTS * len(chain)
    figure = sheet(sum(heights) + 2.6, f"{trace.title}: how {head} found its place")
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    for index, link in enumerate(chain):
        curve, chart = axes[2 * index], axes[2 * index + 1]
        draw_curve(curve, stages[link.control], link, trace)
        mark(curve, len(trace), times, named=index == 0)
        draw_map(chart, slots.panel(link.title, stages[link.weighting], shown, cmap=cmap), times)
        mark(chart, len(trace), times, named=False)
        chart.set_title(link.title, fontsize=8, loc="left", pad=3)
        chart.set_ylabel("slot", fontsize=8)
    axes[-1].set_xlabel("step", fontsize=8)
    axes[0].set_xlim(trace.first_step - 0.5, trace.first_step + len(trace) - 0.5)
    return settle(figure)


def chain_of(stages: Mapping[str, Array]) -> tuple[Link, ...]:
    """The chain whose stages a head has.

    Raises:
        TraceError: there is none
    """
    drawn = [one for one in catalogue.known() if one.chain_links]
    for architecture in drawn:
        chain = architecture.chain_links
        if all(link.control in stages and link.weighting in stages for link in chain):
            return chain
    titles = " or a ".join(architecture.title for architecture in drawn)
    raise TraceError(f"figure addressing draws how a head of a {titles} found its place, not this")


def draw_curve(axis: Axes, values: Array, link: Link, trace: Trace) -> None:
    """A control [T] over time, or the parts [T, S] of a distribution, as of a shift."""
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
    low, high = link.low, link.high
    if high is None:
        high = max(float(values.max(initial=0)), low + 1)
    room = 0.08 * (high - low)
    axis.set_ylim(low - room, high + room)
    axis.set_ylabel(link.label, rotation=0, ha="right", va="center", fontsize=9)
    axis.tick_params(labelsize=7)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=2, steps=[1, 2, 5, 10]))
    axis.grid(alpha=0.3, linewidth=0.5)
