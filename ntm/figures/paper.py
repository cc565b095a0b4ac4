"""The paper's pictures of copy, repeat copy and associative recall (Fig. 6, 9 and 12)."""

from itertools import zip_longest

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ntm.figures import slots
from ntm.figures.canvas import Panel, Times, grid, reach, settle
from ntm.figures.overview import channels, vectors
from ntm.runs.trace import Trace

MOST_NUMBERED = 20  # repeats that there is room to number
ASKED, NEXT = "tab:green", "tab:orange"


def fig6(trace: Trace, *, cmap: str = "gray") -> Figure:
    """Inputs, adds, write weightings | outputs, reads, read weightings."""
    figure, _ = grid(rows_of(trace, cmap, with_vectors=True), times_of(trace), title=trace.title)
    return settle(figure)


def fig9(trace: Trace, *, cmap: str = "gray") -> Figure:
    """Inputs and write weightings | outputs and read weightings, a dotted line a repeat."""
    figure, axes = grid(
        rows_of(trace, cmap, with_vectors=False), times_of(trace), title=trace.title
    )
    present, answer = trace.phases
    length = present.stop - 2
    starts = range(answer.start, answer.stop - 1, length)
    for axis in list(axes.flat):
        for start in starts[1:]:
            axis.axvline(start - 0.5, color="tab:blue", linewidth=0.8, linestyle=":")
    if len(starts) <= MOST_NUMBERED:
        for repeat, start in enumerate(starts):
            write_above(axes[1, 1], start + (length - 1) / 2, f"{repeat + 1}")
    return settle(figure)


def fig12(trace: Trace, *, cmap: str = "gray") -> Figure:
    """As Fig. 6, with boxes: green for the item that is asked for, orange for the one after it.

    Solid where an item is heard or said, and where its delimiter's neighbours write; the green one
    is there twice, in the list and in the query.
    """
    figure, axes = grid(rows_of(trace, cmap, with_vectors=True), times_of(trace), title=trace.title)
    items, query, answer = trace.phases
    inputs = trace["inputs"]
    length = query.stop - query.start - 2
    heard = inputs[query.start + 1 : query.stop - 1]
    for start in range(items.start, items.stop, length + 1):
        if (inputs[start + 1 : start + 1 + length, :-2] == heard[:, :-2]).all():
            asked, following = start, start + length + 1
            break
    else:
        return settle(figure)
    top, said = axes[0]
    box(top, asked, length + 1, ASKED)
    box(top, query.start, length + 2, ASKED)
    box(top, following, length + 1, NEXT)
    box(said, answer.start, answer.stop - answer.start, NEXT)
    for axis in axes[1:, 0]:  # an item is written in its own steps and the one after
        box(axis, asked, length + 1, ASKED)
        box(axis, following, length + 1, NEXT)
    for axis in axes[1:, 1]:
        box(axis, query.start, length + 2, ASKED)
        box(axis, answer.start, answer.stop - answer.start, NEXT)
    return settle(figure)


def times_of(trace: Trace) -> Times:
    """The trace's steps and phases."""
    return Times(trace.phases, trace.first_step)


def rows_of(trace: Trace, cmap: str, *, with_vectors: bool) -> list[tuple[Panel | None, ...]]:
    """What was written on the left, what was read on the right; a row each for every head."""
    known = [trace[name] for name in ("write_weightings", "read_weightings")]
    shown = slots.window(known)
    limit = reach(trace["writes.add"], trace["reads"]) if with_vectors else 1.0
    columns = []
    for kind, verb, vector in (("write", "add", "writes.add"), ("read", "read", "reads")):
        column: list[Panel | None] = []
        numbers = trace.numbers(kind)
        for at, number in enumerate(numbers):
            which = f" {number}" if len(numbers) > 1 else ""
            if with_vectors:
                column.append(vectors(f"{verb}s{which}", trace[vector][:, at], limit, cmap))
            weighting = trace[f"{kind}_weightings"][:, at]
            column.append(slots.panel(f"{kind} weightings{which}", weighting, shown, cmap=cmap))
        columns.append(column)
    top = channels("inputs", trace["inputs"], cmap), channels("outputs", trace["outputs"], cmap)
    return [top, *zip_longest(*columns)]


def box(axis: Axes, start: int, steps: int, color: str) -> None:
    """A frame around some steps of a map."""
    if not axis.axison:
        return
    low, high = axis.get_ylim()
    axis.add_patch(
        Rectangle(
            (start - 0.5, low),
            steps,
            high - low,
            fill=False,
            edgecolor=color,
            linewidth=1.8,
            zorder=3,
        )
    )


def write_above(axis: Axes, step: float, text: str) -> None:
    """A small note over a map."""
    axis.annotate(
        text,
        (step, 1.0),
        (0, 2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        fontsize=7,
        color="tab:blue",
        annotation_clip=False,
    )
