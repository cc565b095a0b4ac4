"""Uniform choices from a NumPy generator."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One of `items`, uniformly."""
    return items[int(rng.integers(len(items)))]


def pick_weighted(rng: np.random.Generator, items: Sequence[tuple[T, float]]) -> T:
    """One of `items`, as often as its weight says."""
    left = rng.random() * sum(weight for _, weight in items)
    for item, weight in items:
        left -= weight
        if left < 0:
            return item
    return items[-1][0]


def pick_distinct(rng: np.random.Generator, items: Sequence[T], count: int) -> list[T]:
    """`count` different ones of `items`, in random order."""
    return [items[int(i)] for i in rng.permutation(len(items))[:count]]


def shuffled(rng: np.random.Generator, items: Sequence[T]) -> list[T]:
    """All of `items` in random order."""
    return pick_distinct(rng, items, len(items))
