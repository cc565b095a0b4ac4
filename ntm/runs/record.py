"""The names that a run's tensors have in every trace, whoever writes it: `addressing.read.key`, ...

Time is the first axis; there is no batch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

ADDRESSING = (
    "key",
    "key_strength",
    "content_weighting",
    "gate",
    "gated_weighting",
    "shift",
    "shifted_weighting",
    "sharpening",
)
SCALARS = ("key_strength", "gate", "sharpening")
# What the controller tells a head, a few numbers a step: addressing without its weightings.
CONTROLS = tuple(stage for stage in ADDRESSING if not stage.endswith("weighting"))


def addressing_of(
    stages: Mapping[str, Array],
    read: Sequence[int],
    write: Sequence[int],
    first_write: int,
    names: Sequence[str] = ADDRESSING,
) -> dict[str, Array]:
    """`addressing.read.<stage>` and `addressing.write.<stage>` of the selected heads.

    Args:
        stages: [T, H, ...] by name, read heads first
        read: which read heads
        write: which write heads
        first_write: R, where the write heads begin
        names: which stages
    """
    tensors: dict[str, Array] = {}
    for kind, heads in (("read", list(read)), ("write", [first_write + h for h in write])):
        for stage in names:
            value = stages[stage][:, heads]
            tensors[f"addressing.{kind}.{stage}"] = value[..., 0] if stage in SCALARS else value
    return tensors


def tensors_of(stages: Mapping[str, Array], reads: int) -> dict[str, Array]:
    """Every tensor that a trace has of what happened inside, by its name.

    Args:
        stages: all of them, [T, ...] by name
        reads: R
    """
    weightings = stages["weighting"]
    writes = weightings.shape[1] - reads
    tensors = {
        "read_weightings": weightings[:, :reads],
        "write_weightings": weightings[:, reads:],
        **addressing_of(stages, range(reads), range(writes), reads),
        "writes.erase": stages["erase"],
        "writes.add": stages["add"],
        "reads": stages["reads"],
        "controller.hidden": stages["hidden"],
        "memory": stages["memory"],
    }
    if stages["cell"].shape[-1]:
        tensors["controller.cell"] = stages["cell"]
    return tensors
