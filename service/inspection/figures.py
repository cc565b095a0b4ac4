"""A trace as a picture, drawn by ntm.figures: one at a time, on a thread of its own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ntm.runs.record import stages_in_traces
from ntm.runs.trace import Trace, TraceError
from ntm.signature import Signature
from service.contract.encodings import Tensors
from service.contract.fields import telling
from service.errors import ServiceError
from service.inspection.selection import ALWAYS
from service.models.served import LoadedModel

# Drawing is Python from end to end: more threads would draw no faster, and matplotlib does not
# promise to bear them.
DRAWING = ThreadPoolExecutor(1, thread_name_prefix="figure")

Run = tuple[dict[str, Any], Tensors]  # facts and tensors of a trace


@dataclass(frozen=True)
class FigureQuery:
    """What GET /trace/{trace_id} asks of a figure."""

    figure: str
    head: str | None
    at: tuple[int, ...] | None
    other: str | None  # the trace_id to compare with
    fields: tuple[str, ...]  # what of the trace it needs


def parse_query(
    figure: str | None, heads: str | None, at: str | None, other: str | None, model: LoadedModel
) -> FigureQuery:
    """Read the part of the query that is about a figure.

    Raises:
        ServiceError: there is no such figure, or none of this task, or a parameter does not fit
    """
    from ntm import figures

    name = "overview" if figure is None else figure
    try:
        figures.check(name, model.task)
        asked = fields_of(name, model.signature)
        steps = None if at is None else tuple(figures.parse_steps(at))
    except TraceError as error:
        raise ServiceError(str(error)) from None
    if (other is not None) != (name in figures.OF_TWO):
        raise ServiceError(
            "figure=difference and figure=compare, and no other, take other=<the trace_id to "
            "compare with>"
        )
    if steps is not None and name not in ("memory", "hops"):
        raise ServiceError(f"at is for figure=memory and figure=hops, got it for figure={name}")
    if name == "addressing" and heads is not None and "," in heads:
        raise ServiceError(f"figure=addressing draws one head, got heads={heads:.40}")
    head = heads if name == "addressing" else None
    return FigureQuery(name, head, steps, other, asked)


def fields_of(name: str, signature: Signature) -> tuple[str, ...]:
    """The fields of a trace that a figure needs.

    Raises:
        TraceError: it draws what this model does not have
    """
    from ntm import figures

    kind = figures.kind_of(name)
    if kind.picture is None:
        return kind.fields
    known = stages_in_traces(signature)
    figures.refuse_others(name, kind, known)
    stages = telling(signature, [tensor for tensor in kind.fields if tensor in known])
    return *(field for field in kind.fields if field in ALWAYS), *stages


def refuse_parameters(**told: str | None) -> None:
    """Say no to what only a figure has.

    Raises:
        ServiceError: one of these is there
    """
    for name, value in told.items():
        if value is not None:
            raise ServiceError(f"{name} is for format=png and format=svg, got {name}={value:.40}")


async def draw(query: FigureQuery, kind: str, run: Run, other: Run | None = None) -> bytes:
    """A figure of a trace as PNG or SVG.

    Args:
        query: what to draw
        kind: png or svg
        run: the trace
        other: the trace to compare with
    Raises:
        ServiceError: the trace does not fit the figure
    """
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(DRAWING, drawn, query, kind, run, other)
    except TraceError as error:
        raise ServiceError(str(error)) from None


def drawn(query: FigureQuery, kind: str, run: Run, other: Run | None) -> bytes:
    """What `draw` has done on its thread."""
    from ntm import figures

    compared = Trace(*other) if other else None
    figure = figures.draw(Trace(*run), query.figure, head=query.head, at=query.at, other=compared)
    return figures.render(figure, kind)
