"""The arrays of a trace by name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Tensors = Mapping[str, Array]


def needed(tensors: Tensors, names: Sequence[str], purpose: str) -> None:
    """Check that a trace has what is asked of it.

    Raises:
        ValueError: it lacks one of the names
    """
    for name in names:
        if name not in tensors:
            raise ValueError(f"{purpose} should get {', '.join(names)}, '{name}' is missing")
