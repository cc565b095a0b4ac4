"""The names that a run's tensors have in every trace, from the stage table: `addressing.read.key`.

Time is the first axis; there is no batch.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ntm.signature import MEMORY, SIDES, Group, Signature, Stage

Array = NDArray[np.float32]
Heads = Sequence[int]

# In the order in which a trace tells them.
GROUPS: tuple[Group, ...] = ("weighting", "addressing", "writes", "reads", "controller")


def tensors_of(signature: Signature, stages: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor that a trace has of what happened inside, by its name.

    Args:
        signature: of the model
        stages: all of them, [T, ...] by name
    """
    read, write = range(signature.read_heads), range(signature.write_heads)
    tensors: dict[str, Array] = {}
    for group in GROUPS:
        tensors |= tensors_of_stages(signature, stages, signature.in_group(group), read, write)
    return tensors | ({MEMORY: stages[MEMORY]} if signature.has_memory else {})


def tensors_of_stages(
    signature: Signature,
    stages: Mapping[str, Array],
    table: Iterable[Stage],
    read: Heads,
    write: Heads,
) -> dict[str, Array]:
    """The tensors of some stages by the names of a trace; in addressing, read heads come first.

    Args:
        signature: of the model
        stages: [T, heads, ...] by name
        table: which stages
        read, write: which read and which write heads
    """
    table = list(table)
    chosen = dict(zip(SIDES, (read, [signature.read_heads + h for h in write]), strict=True))
    tensors: dict[str, Array] = {}
    for side, heads in chosen.items():
        for stage in table:
            name = name_on(side, stage)
            if name is not None and side in signature.sides_of(stage):
                tensors[name] = heads_of(signature, stage, stages[stage.name], heads)
    everyone = [head for heads in chosen.values() for head in heads]
    for stage in table:
        if name_on(SIDES[0], stage) is None:
            tensors[name_of(stage)] = heads_of(signature, stage, stages[stage.name], everyone)
    return tensors


def stages_in_traces(signature: Signature) -> dict[str, Stage]:
    """The names of all tensors that a trace of such a model has of its stages."""
    found: dict[str, Stage] = {}
    for stage in signature.stages:
        names = {name_on(side, stage) or name_of(stage) for side in signature.sides_of(stage)}
        found |= dict.fromkeys(names or [name_of(stage)], stage)
    return found


def name_on(side: str, stage: Stage) -> str | None:
    """The name of a stage's tensor for the heads of a side; None where both are told as one."""
    if stage.group == "weighting":
        return side
    head = side.removesuffix("_weightings")
    return f"addressing.{head}.{stage.name}" if stage.group == "addressing" else None


def name_of(stage: Stage) -> str:
    """`<group>.<stage>`, or `<group>` where the stage is called so."""
    return stage.name if stage.name == stage.group else f"{stage.group}.{stage.name}"


def heads_of(signature: Signature, stage: Stage, value: Array, heads: Heads) -> Array:
    """A stage [T, heads, ...] of some heads, without the last axis where it is one number each."""
    own = signature.heads_of(stage)
    if own:
        value = value[:, [head - own.start for head in heads if head in own]]
    return value[..., 0] if stage.is_scalar else value
