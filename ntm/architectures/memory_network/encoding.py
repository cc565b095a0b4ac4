"""Position encoding: sentences as weighted sums of word embeddings, as one linear map of the input.

l_kj = (1 - j/J) - (k/d)(1 - 2j/J) is affine in j/J, so that the two sums over a sentence's words
that an input holds, of the words and of j/J of each, are all that any embedding needs (Section
4.1).
"""

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.memory_network.config import MemoryNetworkConfig

QUESTION = 0.5  # the mark of a question, 0 or 1, lies above


def coefficients(config: MemoryNetworkConfig) -> NDArray[np.float64]:
    """What multiplies an embedding's numbers k = 1..d: row 0 for a word, row 1 for its j / J.

    With a learned encoding, row 1 multiplies an embedding of its own.

    Returns:
        [2, d]
    """
    if config.encoding == "position":
        part = np.arange(1, config.d + 1) / config.d
        return np.stack([1 - part, 2 * part - 1])
    placed = np.ones if config.encoding == "learned" else np.zeros
    return np.stack([np.ones(config.d), placed(config.d)])
