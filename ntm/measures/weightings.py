"""Measures of a head's addressing at every step: effective slots, movement, peak, cosine."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]
SMALLEST_WEIGHT = 1e-30
SMALLEST_NORM = 1e-8


def effective_slots(weighting: Array) -> Vector:
    """exp(entropy): 1 for a weighting on one slot, N for a uniform one.

    Args:
        weighting: [..., N]
    """
    logarithm = np.log(np.maximum(weighting, SMALLEST_WEIGHT))
    entropy: Vector = -(weighting * logarithm).sum(axis=-1, dtype=np.float64)
    return np.exp(entropy)


def moved(weighting: Array, before: Array) -> Vector:
    """How much of the focus went to other slots, from 0 to 1: half the sum of |w_t - w_{t-1}|.

    Args:
        weighting, before: [..., N]
    """
    apart: Vector = np.abs(weighting - before).sum(axis=-1, dtype=np.float64) / 2
    return apart


def peak_distance(weighting: Array, before: Array) -> NDArray[np.int64]:
    """Slots between two peaks, the shorter way around the circle.

    Args:
        weighting, before: [..., N]
    """
    slots = weighting.shape[-1]
    apart = np.abs(weighting.argmax(axis=-1) - before.argmax(axis=-1))
    nearer: NDArray[np.int64] = np.minimum(apart, slots - apart)
    return nearer


def at_peak(values: Array, weighting: Array) -> Vector:
    """What `values` have on the slot on which a weighting has its peak; both [..., N]."""
    peak = weighting.argmax(axis=-1)[..., None]
    return np.take_along_axis(values, peak, axis=-1)[..., 0].astype(np.float64)


def mean_cosine(memory: Array, chosen: NDArray[np.bool_]) -> Vector:
    """Mean cosine of all pairs of chosen slots, by the length of the sum of their directions.

    A slot of all zeros has no direction and counts as unlike all others.

    Args:
        memory: [..., N, M]
        chosen: [..., N]
    Returns:
        [...]; 0 where there is no pair
    """
    norms = np.sqrt((memory.astype(np.float64) ** 2).sum(axis=-1))
    present = chosen & (norms > SMALLEST_NORM)
    scale = present / np.maximum(norms, SMALLEST_NORM)
    total = np.einsum("...nm,...n->...m", memory, scale)
    count = chosen.sum(axis=-1)
    pairs = count * (count - 1)
    like: Vector = (total**2).sum(axis=-1) - present.sum(axis=-1)
    return np.where(pairs > 0, like / np.maximum(pairs, 1), 0.0)
