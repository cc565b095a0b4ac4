"""Position schemes: rotary angles, ALiBi's slopes, the windows of hard ALiBi. NumPy only."""

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.transformer.config import TransformerConfig

BASE = 10_000.0  # of the wavelengths (Vaswani et al. 2017, section 3.5)

Float = NDArray[np.float64]


def frequencies(head_width: int) -> Float:
    """Radians a step of every pair of a rotary head, [head_width / 2]."""
    pairs = np.arange(head_width // 2)
    return np.asarray(BASE ** (-2 * pairs / head_width))


def slopes(config: TransformerConfig) -> Float:
    """How much less a head sees a step for every step that has passed since, [heads].

    ALiBi's are a geometric sequence that ends at 2^-8; other schemes have none.
    """
    if config.position != "alibi":
        return np.zeros(config.heads)
    return np.asarray(2.0 ** (-8 * np.arange(1, config.heads + 1) / config.heads))


def windows(config: TransformerConfig) -> Float:
    """How many of the last steps a head sees, this one included, [heads]; infinite for all.

    Of hard ALiBi's heads the first half see 1, 2, 3, ... steps.
    """
    seen = np.full(config.heads, np.inf)
    if config.position == "hard_alibi":
        half = config.heads // 2
        seen[:half] = np.arange(1, half + 1)
    return seen
