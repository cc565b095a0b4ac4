"""The memory of every step again, compiled: order and rounding of `architectures.ntm.replay`."""

import numpy as np
from numpy.typing import NDArray

from ntm.compiled.arithmetic import compiled
from ntm.compiled.copies import copy

Array = NDArray[np.float32]


@compiled
def replay(seen: Array, weightings: Array, erase: Array, add: Array) -> None:
    """Fill the matrices after the first, each from the one before it (Eq. 3, 4).

    Args:
        seen: [T, N, M], the first given
        weightings: of the write heads [T, W, N]
        erase: e [T, W, M]
        add: a [T, W, M]
    """
    steps, slots, width = seen.shape
    for step in range(steps - 1):
        before, after = seen[step], seen[step + 1]
        if weightings.shape[1] == 1:
            weighting, erased, added = weightings[step, 0], erase[step, 0], add[step, 0]
            for n in range(slots):
                for m in range(width):
                    change = before[n, m] * erased[m] - added[m]
                    after[n, m] = before[n, m] - change * weighting[n]
            continue
        for n in range(slots):
            copy(after[n], before[n])
        for head in range(weightings.shape[1]):
            weighting, erased = weightings[step, head], erase[step, head]
            for n in range(slots):
                for m in range(width):
                    after[n, m] -= after[n, m] * (weighting[n] * erased[m])
        for head in range(weightings.shape[1]):
            weighting, added = weightings[step, head], add[step, head]
            for n in range(slots):
                for m in range(width):
                    after[n, m] += weighting[n] * added[m]
