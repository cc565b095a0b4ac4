"""The names that a run's tensors have in every trace, from the stage table: `addressing.read.key`.

Time is the first axis; there is no batch.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ntm.signature import MEMORY, Group, Signature, Stage

Array = NDArray[np.float32]
Heads = Sequence[int]


def addressing_of(
    signature: Signature,
    stages: Mapping[str, Array],
    table: Iterable[Stage],
    read: Heads,
    write: Heads,
) -> dict[str, Array]:
    """`addressing.read.<stage>` and `addressing.write.<stage>` of the selected heads.

    Args:
        signature: of the model
        stages: [T, heads, ...] by name
        table: which stages
        read, write: which read and which write heads
    """
    table, first_write = list(table), signature.read_heads
    tensors: dict[str, Array] = {}
    for side, heads in (("read", list(read)), ("write", [first_write + h for h in write])):
        for stage in table:
            if f"{side}_weightings" in signature.sides_of(stage):
                name = f"addressing.{side}.{stage.name}"
                tensors[name] = heads_of(signature, stage, stages[stage.name], heads)
    return tensors


def grouped_of(
    signature: Signature, stages: Mapping[str, Array], group: Group, read: Heads, write: Heads
) -> dict[str, Array]:
    """`<group>.<stage>` of every stage of a group, or `<group>` where the stage is called so."""
    first_write, tensors = signature.read_heads, dict[str, Array]()
    for stage in signature.in_group(group):
        name = stage.name if stage.name == group else f"{group}.{stage.name}"
        heads = [*read, *(first_write + h for h in write)]
        tensors[name] = heads_of(signature, stage, stages[stage.name], heads)
    return tensors


def heads_of(signature: Signature, stage: Stage, value: Array, heads: Heads) -> Array:
    """A stage [T, heads, ...] of some heads, without the last axis where it is one number each."""
    own = signature.heads_of(stage)
    if own:
        value = value[:, [head - own.start for head in heads if head in own]]
    return value[..., 0] if stage.is_scalar else value


def tensors_of(signature: Signature, stages: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor that a trace has of what happened inside, by its name.

    Args:
        signature: of the model
        stages: all of them, [T, ...] by name
    """
    read, write = range(signature.read_heads), range(signature.write_heads)
    tensors = {
        **signature.weightings(stages, axis=1),
        **addressing_of(signature, stages, signature.in_group("addressing"), read, write),
    }
    for group in ("writes", "reads", "controller", "memory"):
        tensors |= grouped_of(signature, stages, group, read, write)
    return tensors | ({MEMORY: stages[MEMORY]} if signature.has_memory else {})


def names_in_traces(signature: Signature) -> list[str]:
    """The names of all tensors that a trace of such a model has of what happened inside."""
    heads = {side.removesuffix("_weightings"): side for side in signature.sides}
    names = [*signature.sides, *((MEMORY,) if signature.has_memory else ())]
    for stage in signature.stages:
        if stage.group == "addressing":
            sides = signature.sides_of(stage)
            names += [f"addressing.{h}.{stage.name}" for h, side in heads.items() if side in sides]
        elif stage.group != "weighting":
            names.append(stage.name if stage.name == stage.group else f"{stage.group}.{stage.name}")
    return names
