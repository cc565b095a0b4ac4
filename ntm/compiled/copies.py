"""Vectors copied and filled by loops: a slice assigned to a slice may be copied twice."""

import numpy as np
from numpy.typing import NDArray

from ntm.compiled.arithmetic import compiled

Array = NDArray[np.float32]


@compiled
def copy(into: Array, values: Array) -> None:
    """into [n] = values [n]."""
    for n in range(len(into)):
        into[n] = values[n]


@compiled
def fill(into: Array, value: np.float32) -> None:
    """into [n] = value."""
    for n in range(len(into)):
        into[n] = value
