"""Random generators that never share a stream: one a role, and of every role one a seed."""

import numpy as np

_ROLES = {
    "training": 0,
    "selection": 1,
    "evaluation": 2,
    "example": 3,
    "stories": 4,
    "validation": 5,
}


def generator(role: str, seed: int) -> np.random.Generator:
    """The generator of a role; the same seed in two roles gives unrelated numbers."""
    return np.random.default_rng((_ROLES[role], seed))
