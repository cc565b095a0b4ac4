"""Pictures of a run, the paper's own among them: time across, location up, grey from 0 to 1.

`draw(trace, "fig6")` makes any of them, `render(figure, "png")` the bytes of a file.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ntm.architectures import catalogue
from ntm.architectures.picture import Picture
from ntm.figures.addressing import addressing
from ntm.figures.canvas import render
from ntm.figures.compare import compare
from ntm.figures.difference import difference
from ntm.figures.hops import hops
from ntm.figures.memory import memory
from ntm.figures.overview import overview
from ntm.figures.paper import fig6, fig9, fig12
from ntm.figures.rows import rows
from ntm.figures.sorting import fig17
from ntm.figures.walk import walk
from ntm.runs.trace import Trace, TraceError
from ntm.signature import SIDES
from ntm.tasks import Task

__all__ = [
    "FIGURES",
    "Kind",
    "addressing",
    "check",
    "compare",
    "difference",
    "draw",
    "fig6",
    "fig9",
    "fig12",
    "fig17",
    "hops",
    "kind_of",
    "memory",
    "names",
    "overview",
    "parse_steps",
    "render",
    "rows",
    "walk",
]


@dataclass(frozen=True)
class Kind:
    """What a figure needs."""

    fields: tuple[str, ...]  # of GET /trace
    task: str | None = None  # the only task that it is a picture of
    picture: Picture | None = None  # of the architecture that it belongs to
    title: str = ""  # of that architecture


OF_TWO = ("difference", "compare")
FIGURES = {
    "overview": Kind(("inputs", "outputs", "target", *SIDES, "writes", "reads")),
    "addressing": Kind(("addressing", *SIDES)),
    "memory": Kind(("memory", *SIDES)),
    "difference": Kind(("inputs", "outputs", *SIDES)),
    "compare": Kind(("inputs", "outputs", *SIDES, "addressing", "writes", "reads")),
    "fig6": Kind(("inputs", "outputs", *SIDES, "writes", "reads")),
    "fig9": Kind(("inputs", "outputs", *SIDES), "repeat-copy"),
    "fig12": Kind(("inputs", "outputs", *SIDES, "writes", "reads"), "associative-recall"),
    "fig17": Kind(("inputs", *SIDES), "priority-sort"),
    "hops": Kind(("inputs", "outputs", SIDES[0])),
    "walk": Kind(("inputs", "outputs", "target", *SIDES), "graph"),
}


def names() -> tuple[str, ...]:
    """Of all figures: those of any architecture, then those that one has added."""
    return (*FIGURES, *_added())


def kind_of(name: str) -> Kind:
    """What a figure needs.

    Raises:
        TraceError: there is no such figure
    """
    kinds = FIGURES | _added()
    if name not in kinds:
        raise TraceError(f"figure should be one of {', '.join(kinds)}, got '{name:.40}'")
    return kinds[name]


def _added() -> dict[str, Kind]:
    """The figures that architectures add, by name."""
    return {
        name: Kind(picture.tensors, picture=picture, title=architecture.title)
        for architecture in catalogue.known()
        for name, picture in architecture.own_pictures.items()
    }


def draw(
    trace: Trace,
    name: str = "overview",
    *,
    head: str | None = None,
    at: Sequence[int] | None = None,
    other: Trace | None = None,
    cmap: str = "gray",
) -> Figure:
    """One of the figures, by its name.

    Args:
        trace: with the arrays that the figure needs
        name: of the figure
        head: for `addressing`, such as `write.0`; by default the first
        at: for `memory`, the steps to show the matrix of; for `hops`, the sentences that the
            answer should rest on
        other: for `difference` and `compare`, the run to compare with
        cmap: of matplotlib; the paper's grey by default
    Raises:
        TraceError: there is no such figure, or the trace does not fit it
    """
    check(name, trace.task, whole=trace.whole)
    kind = kind_of(name)
    if kind.task and len(trace.phases) < 2:
        raise TraceError(
            f"figure {name} needs a whole sequence of {kind.task}, from its start to the answer"
        )
    if kind.picture is not None:
        refuse_others(name, kind, tuple(trace.arrays))
        return rows(trace, kind.picture, cmap=cmap)
    drawn = ["writes.add" if field == "writes" else field for field in kind.fields]
    missing = [array for array in drawn if array not in trace]
    if (name == "overview" and missing == drawn) or (name.startswith("fig") and missing):
        raise TraceError(f"this trace was taken without {missing[0]}")
    match name:
        case "overview":
            return overview(
                trace.arrays,
                title=trace.title,
                phases=trace.phases,
                first_step=trace.first_step,
                cmap=cmap,
            )
        case "addressing":
            return addressing(trace, head or next(iter(trace.heads), "none"), cmap=cmap)
        case "memory":
            return memory(trace, at, cmap=cmap)
        case "difference":
            return difference(trace, needed_other(name, other), cmap=cmap)
        case "compare":
            return compare(trace, needed_other(name, other), cmap=cmap)
        case "hops":
            return hops(trace, at, cmap=cmap)
        case "fig6":
            return fig6(trace, cmap=cmap)
        case "fig9":
            return fig9(trace, cmap=cmap)
        case "fig12":
            return fig12(trace, cmap=cmap)
        case "fig17":
            return fig17(trace, cmap=cmap)
        case _:
            return walk(trace, cmap=cmap)


def needed_other(name: str, other: Trace | None) -> Trace:
    """The run to compare with.

    Raises:
        TraceError: there is none
    """
    if other is None:
        raise TraceError(f"figure {name} needs other, the trace to compare with")
    return other


def check(name: str, task: Task | None, *, whole: bool = True) -> None:
    """Say no before anything is computed for a figure that cannot be drawn.

    Args:
        name: of the figure
        task: that the model was trained on
        whole: whether all steps are there
    Raises:
        TraceError: there is no such figure, or it is not one of this task
    """
    needed = kind_of(name).task
    if needed and (task is None or task.name != needed):
        came = "an unknown task" if task is None else task.name
        raise TraceError(f"figure {name} is a picture of {needed}, this trace is of {came}")
    if needed and not whole:
        raise TraceError(f"figure {name} needs all steps of the sequence, got some of them")


def refuse_others(name: str, kind: Kind, tensors: Collection[str]) -> None:
    """Say no to an architecture's own figure of a trace that has none of its stages.

    Args:
        name: of the figure
        kind: what it needs
        tensors: that the trace has, or can have
    Raises:
        TraceError: it has none of them
    """
    own = [tensor for tensor in kind.fields if "." in tensor]
    if not any(tensor in tensors for tensor in own):
        raise TraceError(
            f"figure {name} draws {', '.join(dict.fromkeys(own))} of a {kind.title}; this trace "
            f"has none of them"
        )


def parse_steps(text: str) -> list[int]:
    """`0,10,20` as steps.

    Raises:
        TraceError: it is no list of whole numbers
    """
    try:
        return [int(step) for step in text.split(",")]
    except ValueError:
        raise TraceError(f"at should name steps, such as 0,10,20, got '{text:.40}'") from None
