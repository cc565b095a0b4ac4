"""The arrays of a trace by name, and stretches of steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Tensors = Mapping[str, Array]
Flags = NDArray[np.bool_]


def needed(tensors: Tensors, names: Sequence[str], purpose: str) -> None:
    """Check that a trace has what is asked of it.

    Raises:
        ValueError: it lacks one of the names
    """
    for name in names:
        if name not in tensors:
            raise ValueError(f"{purpose} should get {', '.join(names)}, '{name}' is missing")


def ranges(flags: Flags, first: int = 0) -> list[tuple[int, int]]:
    """The stretches [a, b) of a flag [T] that is set, step 0 going by the number `first`."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return [(int(a) + first, int(b) + first) for a, b in edges.reshape(-1, 2)]


def listing(stretches: Sequence[tuple[int, int]], most: int = 3) -> str:
    """Stretches in words: `step 4`, `steps 4 to 9, 12`."""
    words = [str(a) if b == a + 1 else f"{a} to {b - 1}" for a, b in stretches[:most]]
    if len(stretches) > most:
        words.append(f"and {len(stretches) - most} more stretches")
    single = len(stretches) == 1 and stretches[0][1] == stretches[0][0] + 1
    return f"{'step' if single else 'steps'} {', '.join(words)}"
