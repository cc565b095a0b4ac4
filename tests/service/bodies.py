"""Bodies for POST /predict on the small models, and what comes back as arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


def draw(steps: int, seed: int = 0, width: int = 6) -> Float:
    """A random sequence [T, I]."""
    return np.random.default_rng(seed).normal(size=(steps, width)).astype(np.float32)


def body(steps: int = 5, seed: int = 0, **fields: Any) -> dict[str, Any]:
    """A request; further fields replace or complete it."""
    return {"model": "copy", "version": 1, "sequence": draw(steps, seed).tolist(), **fields}


def array(values: Any) -> Float:
    """JSON numbers as the float32 they were sent as."""
    return np.array(values, dtype=np.float32)


def same(left: Any, right: Any) -> bool:
    """Equal shapes and equal bits."""
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    return left.shape == right.shape and left.tobytes() == right.tobytes()
