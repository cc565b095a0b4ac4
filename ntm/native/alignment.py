"""Arrays that begin on a vector of 64 bytes: loads that straddle two cache lines cost a third."""

import numpy as np
from numpy.typing import NDArray

LANES = 16  # float32 values of the widest vectors there are, and of a cache line
BYTES = 4 * LANES


def aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An empty float32 array whose first value lies on a multiple of 64 bytes."""
    size = int(np.prod(shape))
    room = np.empty(size + LANES, np.float32)
    start = (-room.ctypes.data % BYTES) // 4
    return room[start : start + size].reshape(shape)
