"""Fields of a run, as `include` names them: groups of stages and single stages, from the table."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ntm.runs.record import stages_in_traces, tensors_of_stages
from ntm.signature import MEMORY, SIDES, Signature, Stage
from service.contract.encodings import Tensors
from service.errors import UnknownInclude
from service.scheduling.walk import Segment

# Whatever the architecture: where a model has nothing of a field, nothing is told of it.
GENERAL = (*SIDES, "addressing", "controls", "writes", "reads", "controller", MEMORY)


def check(signature: Signature, fields: Iterable[Any], beside: Collection[str] = ()) -> None:
    """Whether all of them are fields of a model's runs.

    Args:
        signature: of the model
        fields: their names
        beside: names that are fields too
    Raises:
        UnknownInclude: one is not
    """
    stages = None
    for name in fields:
        if name in GENERAL or name in beside:
            continue
        if stages is None:
            stages = dict.fromkeys(stage.name for stage in signature.stages)
        if name not in stages:
            known = ", ".join(dict.fromkeys((*beside, *GENERAL, *stages)))
            raise UnknownInclude(f"include should be of {known}, got '{name:.40}'")


def stages_of(signature: Signature, field: str) -> tuple[Stage, ...]:
    """The stages that a field tells; `memory` has one beside the table.

    A matrix over pairs of slots, as the links of a DNC, is told where it is named itself: of each
    step it may be larger than all else together.
    """
    if field in SIDES:
        return signature.weightings_on[field]
    if field == "controls":
        return signature.controls
    if field in GENERAL:
        return tuple(s for s in signature.stages if s.group == field and not s.is_of_pairs)
    return tuple(stage for stage in signature.stages if stage.name == field)


def names_of(signature: Signature, fields: Collection[str]) -> tuple[str, ...]:
    """What an engine has to record for these fields, by name."""
    names = {stage.name for field in fields for stage in stages_of(signature, field)}
    return signature.ordered(names | ({MEMORY} if MEMORY in fields else set()))


def in_order(signature: Signature, fields: Collection[str]) -> list[str]:
    """Fields in an order that does not depend on who asks: general ones, then single stages."""
    if set(fields).issubset(SIDES):
        return [side for side in SIDES if side in fields]
    stages = (stage.name for stage in signature.stages)
    return [name for name in dict.fromkeys((*GENERAL, *stages)) if name in fields]


def telling(signature: Signature, tensors: Iterable[str]) -> tuple[str, ...]:
    """The fields that tell some tensors of a trace, and as little else as can be.

    Raises:
        KeyError: a trace of such a model does not have this tensor
    """
    stages = stages_in_traces(signature)
    found: dict[str, None] = {}
    for name in tensors:
        if name == MEMORY and signature.has_memory:
            found[name] = None
        else:
            stage = stages[name]
            found[name if name in SIDES else stage.name] = None
    return tuple(found)


def of_a_run(signature: Signature) -> tuple[str, ...]:
    """The fields that tell all that happens inside."""
    groups = [name for name in GENERAL if name != "controls" and width(signature, (name,), 1)]
    return *groups, *(stage.name for stage in signature.stages if stage.is_of_pairs)


def segment(signature: Signature, fields: Collection[str], stop: int) -> Segment:
    """A stretch of a walk up to step `stop` that keeps what these fields need, and no more."""
    if not fields:
        return Segment("predict", stop)
    if set(fields).issubset(SIDES):
        sides = tuple(side for side in signature.sides if side in fields)
        return Segment("predict", stop, sides)
    return Segment("inspect", stop, names_of(signature, fields))


def width(signature: Signature, fields: Collection[str], slots: int) -> int:
    """Numbers that these fields have at one step, of all heads."""
    if not fields:
        return 0
    if set(fields).issubset(SIDES):
        return slots * sum(signature.heads_on(side) for side in signature.sides if side in fields)
    heads = range(signature.read_heads), range(signature.write_heads)
    return sum(width_of(signature, field, slots, *heads) for field in set(fields))


def width_of(
    signature: Signature, field: str, slots: int, read: Collection[int], write: Collection[int]
) -> int:
    """Numbers that a field has at one step, of these read and write heads."""
    selected = dict(zip(SIDES, (len(read), len(write)), strict=True))
    if field in SIDES:
        sizes = (stage.size(slots) for stage in signature.weightings_on[field])
        return selected[field] * sum(sizes)
    total = slots * signature.memory_width if field == MEMORY and signature.has_memory else 0
    for stage in stages_of(signature, field):
        sides = signature.sides_of(stage)
        heads = sum(selected[side] for side in sides)
        total += stage.size(slots) * (heads if sides else 1)
    return total


def tensors_of(
    signature: Signature,
    fields: Collection[str],
    values: Mapping[str, Any],
    read: Collection[int] | None = None,
    write: Collection[int] | None = None,
) -> Tensors:
    """The tensors of some fields by dotted name, time first, in the order of the table.

    Args:
        signature: of the model
        fields: what is told
        values: what was recorded, by name
        read, write: the heads to tell of, all of them by default
    """
    if not fields:
        return {}
    heads = (
        range(signature.read_heads) if read is None else [*read],
        range(signature.write_heads) if write is None else [*write],
    )
    tensors: Tensors = {}
    for field in in_order(signature, fields):
        if field in SIDES and field in values:
            chosen = read if field == SIDES[0] else write
            tensors[field] = values[field] if chosen is None else values[field][:, [*chosen]]
            continue
        table = stages_of(signature, field)
        found = tensors_of_stages(signature, values, table, *heads)
        tensors |= {n: v for n, v in found.items() if field not in SIDES or n == field}
        if field == MEMORY and MEMORY in values:
            tensors[MEMORY] = values[MEMORY]
    return tensors
