"""The memory of every step again, from where it began and what was written: Eq. 3 and 4 in NumPy.

In the order in which the exported graphs compute, so that ONNX Runtime gives the same bits.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def memories(memory: Array, weightings: Array, erase: Array, add: Array) -> Array:
    """The matrix that each step's reads see.

    Args:
        memory: before the first step [N, M]
        weightings: of the write heads [T, W, N]
        erase: e [T, W, M]
        add: a [T, W, M]
    Returns:
        [T, N, M]; the first is `memory`
    """
    seen = np.empty((len(weightings), *memory.shape), memory.dtype)
    rows = np.ascontiguousarray(weightings)[..., None]
    for step in range(len(seen)):
        seen[step] = memory
        if step + 1 < len(seen):
            memory = written(memory, rows[step], erase[step], add[step])
    return seen


def written(memory: Array, rows: Array, erase: Array, add: Array) -> Array:
    """The memory [N, M] after one step's writes: rows [W, N, 1], erase and add [W, M]."""
    if len(rows) == 1:
        once: Array = memory - (memory * erase[0] - add[0]) * rows[0]
        return once
    for row, erased in zip(rows, erase, strict=True):
        memory = memory - memory * (row * erased)
    for row, added in zip(rows, add, strict=True):
        memory = memory + row * added
    return memory
