"""The end-to-end memory network in float64 NumPy, from the paper's equations alone.

Slow and plain: a story is told as lists of numbers of words, every sentence and every hop by
itself. The names and layouts of a checkpoint's tensors are all that it takes from `ntm`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]
Words = list[int]


def answer(
    config: Any, weights: Weights, story: list[Words], question: Words
) -> tuple[list[Array], list[Array], Array]:
    """A question asked after a story.

    Returns:
        the attention p^k over the sentences and the state u^{k+1} after every hop, and â
    """
    d, K = config.d, config.hops
    copies = config.embeddings + (config.tying == "layer-wise")
    blocks = np.split(weights["embedding"], copies, axis=1)
    places = np.split(weights.get("place", weights["embedding"]), copies, axis=1)
    ages = np.split(weights["age"], config.embeddings, axis=1)
    asking = 2 if config.tying == "layer-wise" else 0
    u = embed(config, blocks[asking], places[asking], question)
    attention, states = [], []
    for k in range(K):
        A, C = (k, k + 1) if config.tying == "adjacent" else (0, 1)
        m, c = np.zeros((2, len(story), d))
        for i, sentence in enumerate(story):
            back = min(len(story) - 1 - i, config.ages - 1)
            m[i] = embed(config, blocks[A], places[A], sentence) + ages[A][back]
            c[i] = embed(config, blocks[C], places[C], sentence) + ages[C][back]
        p = softmax(m @ u) if story else np.zeros(0)
        o = sum((p[i] * c[i] for i in range(len(story))), np.zeros(d))
        if config.tying == "layer-wise":
            u = weights["map"][0] @ u + o
        elif config.hop_maps:
            u = weights["map"][k] @ u + o
        else:
            u = u + o
        if config.half_relu:
            half = (d + 1) // 2
            u = np.array([value if n < half else max(value, 0.0) for n, value in enumerate(u)])
        attention.append(p)
        states.append(u)
    return attention, states, softmax(weights["output.weight"] @ u + weights["output.bias"])


def embed(config: Any, matrix: Array, places: Array, sentence: Words) -> Array:
    """Σ_j l_j ∘ A x_j, the words counted from 1; Σ_j (A + (j / J) P) x_j where that is learned."""
    d, J, total = config.d, len(sentence), np.zeros(config.d)
    for j, word in enumerate(sentence, start=1):
        for k in range(1, d + 1):
            weight = 1.0
            if config.encoding == "position":
                weight = (1 - j / J) - (k / d) * (1 - 2 * j / J)
            total[k - 1] += weight * matrix[word, k - 1]
        if config.encoding == "learned":
            total += j / J * places[word]
    return total


def inputs(words: int, story: list[Words], question: Words, hops: int) -> Array:
    """The same as the steps of a sequence [T, 2 V + 1]: sentences, the question, silence."""
    rows = np.zeros((len(story) + 1 + hops, 2 * words + 1))
    for row, sentence in zip(rows, [*story, question], strict=False):
        for j, word in enumerate(sentence, start=1):
            row[word] += 1
            row[words + word] += j / len(sentence)
    rows[len(story), -1] = 1
    return rows


def softmax(x: Array) -> Array:
    powers: Array = np.exp(x - x.max())
    return powers / powers.sum()
