"""Stretches of steps: where a flag is set, and how that is said."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


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


def long_enough(flags: Flags, steps: int) -> Flags:
    """The flags [T] without the stretches that are shorter."""
    long = np.zeros_like(flags)
    for start, stop in ranges(flags):
        long[start:stop] = stop - start >= steps
    return long
