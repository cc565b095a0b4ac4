"""A Transformer decoder once more, in float64 NumPy, from the papers' equations alone.

Slow and plain: one sequence, one head at a time, every step over all steps before it, no cache. It
shares no code with `ntm`; the names and layouts of a checkpoint's tensors are all that it takes.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]


def run(config: Any, weights: Weights, sequence: Array) -> list[dict[str, Array]]:
    """Every stage of every step of one sequence [T, I]; attention is over the steps so far."""
    past: list[list[tuple[Array, Array]]] = [[] for _ in range(config.layers * config.heads)]
    answer = np.zeros(config.output_size)
    steps = []
    for t, x in enumerate(sequence):
        heard = np.concatenate([x, answer]) if config.feedback else x
        hidden = [affine(weights, "embed", heard)]
        stages: dict[str, list[Array]] = {
            name: [] for name in ("query", "key", "value", "attention", "reads")
        }
        for layer in range(config.layers):
            name = f"blocks.{layer}"
            flat = affine(
                weights, f"{name}.projection", norm(weights, f"{name}.attention_norm", hidden[-1])
            )
            queries, keys, values = (part.reshape(config.heads, -1) for part in np.split(flat, 3))
            reads = []
            for head in range(config.heads):
                query, key = queries[head], keys[head]
                if config.position == "rotary":
                    query, key = turned(query, t), turned(key, t)
                cache = past[layer * config.heads + head]
                cache.append((key, values[head]))
                looked = attend(config, head, query, [k for k, _ in cache])
                reads.append(sum(a * v for a, (_, v) in zip(looked, cache, strict=True)))
                for stage, value in zip(
                    stages, (query, key, values[head], looked, reads[-1]), strict=True
                ):
                    stages[stage].append(value)
            middle = hidden[-1] + affine(weights, f"{name}.attended", np.concatenate(reads))
            expanded = affine(
                weights, f"{name}.expand", norm(weights, f"{name}.feedforward_norm", middle)
            )
            hidden.append(middle + affine(weights, f"{name}.contract", gelu(expanded)))
        logits = affine(weights, "output", norm(weights, "norm", hidden[-1]))
        answer = 1 / (1 + np.exp(-logits)) if config.output == "sigmoid" else logits
        steps.append(
            {name: np.array(value) for name, value in stages.items()}
            | {"hidden": np.array(hidden), "outputs": answer}
        )
    return steps


def attend(config: Any, head: int, query: Array, keys: list[Array]) -> Array:
    """softmax(q k / sqrt(d)) over the steps that the head may see, the last of which is now."""
    scores = []
    for place, key in enumerate(keys):
        ago = len(keys) - 1 - place
        score = query @ key / math.sqrt(len(query))
        if config.position == "alibi":
            score -= ago * 2 ** (-8 * (head + 1) / config.heads)
        if config.position == "hard_alibi" and head < config.heads // 2 and ago > head:
            score = -math.inf
        scores.append(score)
    powers = np.exp(np.array(scores) - max(scores))
    return np.asarray(powers / powers.sum())


def turned(vector: Array, position: int) -> Array:
    """Pairs (i, i + d / 2) as complex numbers, turned by position * 10000^(-2 i / d)."""
    half = len(vector) // 2
    turns = [position * 10_000 ** (-2 * i / len(vector)) for i in range(half)]
    pairs = (vector[:half] + 1j * vector[half:]) * np.exp(1j * np.array(turns))
    return np.concatenate([pairs.real, pairs.imag])


def affine(weights: Weights, name: str, x: Array) -> Array:
    """A linear layer of the checkpoint."""
    return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]


def norm(weights: Weights, name: str, x: Array) -> Array:
    """Layer normalisation."""
    flat = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    return flat * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(x: Array) -> Array:
    """x times the normal distribution's share below x."""
    return np.array([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x])
