"""The one layout of arrays that compiled functions take: another is another type to Numba.

To Numba an array that may not be written, or lies otherwise in memory, has a type of its own, for
which it would compile once more. Whatever goes into a compiled function passes here first.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def plain(values: NDArray[Any], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """The array itself, or a copy that is contiguous, aligned, writable and of the data type."""
    if values.dtype == dtype and values.flags.carray:
        return values
    return np.array(values, dtype, order="C")
