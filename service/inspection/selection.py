"""What a client wants to see of a trace: fields, steps and heads, all from the stage table.

A field is a tensor that every trace has, or a group of stages; see `ntm.signature.Group`.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntm.runs.record import addressing_of, grouped_of
from ntm.signature import MEMORY, SIDES, Group, Signature, Stage
from service.contract.encodings import Tensors
from service.errors import ServiceError, UnknownInclude
from service.models.served import LoadedModel
from service.records.trace import Trace
from service.scheduling.walk import Segment, Walked

Array = NDArray[np.float32]

DEFAULT_FIELDS = ("inputs", "outputs", *SIDES)
ALWAYS = ("inputs", "outputs", "target")  # fields that need no stage
GROUPS: dict[str, Group] = {
    "addressing": "addressing",
    "writes": "writes",
    "reads": "reads",
    "controller": "controller",
    "memory": "memory",
}
FIELDS = (*ALWAYS, *SIDES, "addressing", "controls", "writes", "reads", "controller", "memory")


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
    fields = tuple(include.split(",")) if include else DEFAULT_FIELDS
    for name in fields:
        if name not in FIELDS:
            raise UnknownInclude(f"include should be of {', '.join(FIELDS)}, got '{name:.40}'")
    start, stop = parse_steps(steps, trace.steps)
    read, write = parse_heads(heads, model.signature.read_heads, model.signature.write_heads)
    return Selection(fields, start, stop, read, write)


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


def stages_of(signature: Signature, field: str) -> tuple[Stage, ...]:
    """The stages that a field tells; `memory` has one beside the table."""
    if field in ALWAYS:
        return ()
    if field in SIDES:
        weightings = signature.in_group("weighting")
        return tuple(stage for stage in weightings if field in signature.sides_of(stage))
    return signature.controls if field == "controls" else signature.in_group(GROUPS[field])


def names_of(signature: Signature, fields: Collection[str]) -> tuple[str, ...]:
    """What an engine has to record for these fields, by name."""
    names = {stage.name for field in fields for stage in stages_of(signature, field)}
    return signature.ordered(names | ({MEMORY} if MEMORY in fields else set()))


def plan(selection: Selection, model: LoadedModel, steps: int) -> list[Segment]:
    """How to walk the sequence so that what was asked for is kept and nothing else is."""
    signature, wanted = model.signature, set(selection.fields).difference(ALWAYS)
    if wanted <= set(SIDES):
        kept = Segment("predict", selection.stop, signature.ordered(wanted))
    else:
        kept = Segment("inspect", selection.stop, names_of(signature, wanted))
    before = [Segment("predict", selection.start)] if selection.start else []
    after = [Segment("predict", steps)] if selection.stop < steps else []
    return [*before, kept, *after]


def size_of(selection: Selection, model: LoadedModel, trace: Trace) -> int:
    """Bytes of the tensors that a selection will hold, before they are encoded."""
    signature, slots = model.signature, trace.memory_slots
    numbers = {
        "inputs": signature.input_size,
        "outputs": signature.output_size,
        "target": signature.output_size,
    }

    def per_step(field: str) -> int:
        beside = slots * signature.memory_width if field == MEMORY else numbers.get(field, 0)
        return beside + sum(
            stage.size(slots) * heads_selected(signature, stage, field, selection)
            for stage in stages_of(signature, field)
        )

    steps = selection.stop - selection.start
    return 4 * steps * sum(per_step(field) for field in selection.fields)


def heads_selected(signature: Signature, stage: Stage, field: str, selection: Selection) -> int:
    """How many heads of a stage a field tells; 1 where the stage has none."""
    sides = signature.sides_of(stage)
    if not sides:
        return 1
    counts = dict(zip(SIDES, (len(selection.read_heads), len(selection.write_heads)), strict=True))
    wanted = [side for side in sides if field not in SIDES or side == field]
    return sum(counts[side] for side in wanted)


def assemble(trace: Trace, model: LoadedModel, selection: Selection, walked: Walked) -> Tensors:
    """The selected tensors by dotted name, time first."""
    span = slice(selection.start, selection.stop)
    signature, values = model.signature, dict(walked.values)
    read, write = list(selection.read_heads), list(selection.write_heads)
    if all(stage.name in values for stage in signature.in_group("weighting")):
        values |= signature.weightings(values, axis=1)
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
            case "read_weightings" | "write_weightings":
                if field in values:
                    tensors[field] = values[field][:, read if field == SIDES[0] else write]
            case "addressing" | "controls":
                table = stages_of(signature, field)
                tensors |= addressing_of(signature, values, table, read, write)
            case _:
                tensors |= grouped_of(signature, values, GROUPS[field], read, write)
                if field == MEMORY and signature.has_memory:
                    tensors[field] = values[field]
    return tensors
