"""Arrays that begin on a vector of 64 bytes: loads that straddle two cache lines cost a third."""

import math

import numpy as np
from numpy.typing import NDArray

LANES = 16  # float32 values of the widest vectors there are, and of a cache line
BYTES = 4 * LANES


def aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An empty float32 array whose first value lies on a multiple of 64 bytes."""
    size = math.prod(shape)
    room = np.empty(size + LANES, np.float32)
    address: int = room.__array_interface__["data"][0]  # `room.ctypes` takes ten times as long
    start = (-address % BYTES) // 4
    return room[start : start + size].reshape(shape)
