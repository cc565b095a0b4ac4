"""The memory of every step again, from where it began and what was written: Eq. 3 and 4 in NumPy.

In the order in which the exported graphs compute, so that ONNX Runtime gives the same bits.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


# What is written: the write heads' weightings [T, W, N], e and a [T, W, M].
WRITTEN = ("write_weightings", "erase", "add")


def memories(memory: Array, values: Mapping[str, Array]) -> Array:
    """The matrix that each step's reads see.

    Args:
        memory: before the first step [N, M]
        values: WRITTEN of every step by name, perhaps among others
    Returns:
        [T, N, M]; the first is `memory`
    """
    weightings, erase, add = (values[name] for name in WRITTEN)
    seen = np.empty((len(weightings), *memory.shape), memory.dtype)
    seen[:1] = memory
    rows = np.ascontiguousarray(weightings)[..., None]
    for step in range(len(seen) - 1):
        write(seen[step], rows[step], erase[step], add[step], seen[step + 1])
    return seen


def write(memory: Array, rows: Array, erase: Array, add: Array, after: Array) -> None:
    """One step's writes into `after` [N, M]: rows [W, N, 1], erase and add [W, M]."""
    if len(rows) == 1:  # memory - (memory * erase - add) * rows
        np.multiply(memory, erase[0], out=after)
        after -= add[0]
        after *= rows[0]
        np.subtract(memory, after, out=after)
        return
    after[:] = memory
    for row, erased in zip(rows, erase, strict=True):
        after -= after * (row * erased)
    for row, added in zip(rows, add, strict=True):
        after += row * added
