"""What a client wants to see of a trace: fields, steps and heads, all from the stage table."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntm.signature import SIDES
from service.contract import fields
from service.contract.encodings import Tensors
from service.errors import ServiceError
from service.models.served import LoadedModel
from service.records.trace import Trace
from service.scheduling.walk import Segment, Walked

Array = NDArray[np.float32]

DEFAULT_FIELDS = ("inputs", "outputs", *SIDES)
ALWAYS = ("inputs", "outputs", "target")  # fields that need no stage


@dataclass(frozen=True)
class Selection:
    """What a client wants to see of a trace."""

    fields: tuple[str, ...]
    start: int
    stop: int
    read_heads: tuple[int, ...]
    write_heads: tuple[int, ...]


def select(
    trace: Trace, model: LoadedModel, include: str | None, steps: str | None, heads: str | None
) -> Selection:
    """Read the query of GET /trace/{id}.

    Raises:
        UnknownInclude: a field is unknown
        ServiceError: `steps` or `heads` do not fit the trace
    """
    asked = tuple(include.split(",")) if include else DEFAULT_FIELDS
    fields.check(model.signature, asked, beside=ALWAYS)
    start, stop = parse_steps(steps, trace.steps)
    read, write = parse_heads(heads, model.signature.read_heads, model.signature.write_heads)
    return Selection(asked, start, stop, read, write)


def parse_steps(told: str | None, total: int) -> tuple[int, int]:
    """`a:b` as in Python, either end optional, within the trace and not empty."""
    if told is None:
        return 0, total
    first, colon, last = told.partition(":")
    try:
        start, stop = int(first or 0), int(last or total)
    except ValueError:
        start, stop = -1, -1
    if not colon or not 0 <= start < stop <= total:
        raise ServiceError(f"steps should be a:b with 0 <= a < b <= {total}, got '{told:.40}'")
    return start, stop


def parse_heads(
    told: str | None, reads: int, writes: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`read.0,write.1` as the indices of read and of write heads; all of them by default."""
    if told is None:
        return tuple(range(reads)), tuple(range(writes))
    known = {f"read.{i}": i for i in range(reads)} | {f"write.{i}": i for i in range(writes)}
    asked = told.split(",")
    for head in asked:
        if head not in known:
            raise ServiceError(f"heads should be of {', '.join(known)}, got '{head:.40}'")
    return (
        tuple(known[h] for h in asked if h.startswith("read")),
        tuple(known[h] for h in asked if h.startswith("write")),
    )


def plan(selection: Selection, model: LoadedModel, steps: int) -> list[Segment]:
    """How to walk the sequence so that what was asked for is kept and nothing else is."""
    inner = [field for field in selection.fields if field not in ALWAYS]
    before = [Segment("predict", selection.start)] if selection.start else []
    after = [Segment("predict", steps)] if selection.stop < steps else []
    return [*before, fields.segment(model.signature, inner, selection.stop), *after]


def size_of(selection: Selection, model: LoadedModel, trace: Trace) -> int:
    """Bytes of the tensors that a selection will hold, before they are encoded."""
    signature, slots = model.signature, trace.memory_slots
    widths = {
        "inputs": signature.input_size,
        "outputs": signature.output_size,
        "target": signature.output_size,
    }
    heads = selection.read_heads, selection.write_heads
    total = sum(
        widths[field] if field in ALWAYS else fields.width_of(signature, field, slots, *heads)
        for field in selection.fields
    )
    return 4 * (selection.stop - selection.start) * total


def assemble(trace: Trace, model: LoadedModel, selection: Selection, walked: Walked) -> Tensors:
    """The selected tensors by dotted name, time first."""
    span = slice(selection.start, selection.stop)
    heads = selection.read_heads, selection.write_heads
    tensors: Tensors = {}
    for field in selection.fields:
        match field:
            case "inputs":
                tensors[field] = trace.inputs[span]
            case "outputs":
                tensors[field] = walked.outputs[span]
            case "target":
                if trace.target is not None:
                    tensors[field] = trace.target[span]
            case _:
                tensors |= fields.tensors_of(model.signature, [field], walked.values, *heads)
    return tensors
