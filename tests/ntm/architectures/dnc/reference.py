"""The Differentiable Neural Computer once more, in float64 NumPy, from the paper's equations alone.

Slow and plain: one sequence, one slot at a time. It shares no code with `ntm`; the names and
layouts of a checkpoint's tensors are all that it takes from there.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]


def run(config: Any, weights: Weights, sequence: Array, slots: int) -> list[dict[str, Array]]:
    """Every stage of every step of one sequence [T, I]; the outputs are `output`."""
    state, steps = initial_state(config, slots), []
    for x in sequence:
        stages = step(config, weights, x, state)
        state = stages
        steps.append(stages)
    return steps


def initial_state(config: Any, slots: int) -> dict[str, Array]:
    """All of it zero."""
    reads, width = config.num_reads, config.W
    return {
        "memory": np.zeros((slots, width)),
        "usage": np.zeros(slots),
        "precedence": np.zeros(slots),
        "link": np.zeros((slots, slots)),
        "read_weighting": np.zeros((reads, slots)),
        "write_weighting": np.zeros((1, slots)),
        "reads": np.zeros((reads, width)),
        "hidden": np.zeros(config.controller_size),
        "cell": np.zeros(config.controller_size),
    }


def step(config: Any, weights: Weights, x: Array, last: dict[str, Array]) -> dict[str, Array]:
    """One step, Methods of the paper in their order."""
    heard = np.concatenate([x, *last["reads"]])
    if config.controller == "lstm":
        hidden, cell = lstm(weights, heard, last["hidden"], last["cell"])
    else:
        hidden, cell = np.tanh(affine(weights, "controller.layer", heard)), np.zeros(0)
    s = interface(config, weights, np.clip(hidden, -20, 20))
    slots = len(last["usage"])
    retained, usage = np.ones(slots), np.zeros(slots)
    for i in range(slots):
        for f, w in zip(s["free_gate"][:, 0], last["read_weighting"], strict=True):
            retained[i] *= 1 - f * w[i]
        u, w = last["usage"][i], last["write_weighting"][0, i]
        usage[i] = (u + w - u * w) * retained[i]
    allocation = allocate(usage, config.usage_levels)
    content = np.array(
        [
            content_weighting(last["memory"], k, b.item(), m)
            for k, b, m in zip(s["write_key"], s["write_strength"], s["write_mask"], strict=True)
        ]
    )
    ga, gw = s["allocation_gate"].item(), s["write_gate"].item()
    written = gw * (ga * allocation + (1 - ga) * content)
    memory = last["memory"].copy()
    for i in range(slots):
        if config.deallocation:
            memory[i] *= retained[i]
        memory[i] = memory[i] * (1 - written[0, i] * s["erase"][0]) + written[0, i] * s["add"][0]
    link, precedence = last["link"].copy(), last["precedence"]
    for i in range(slots):
        for j in range(slots):
            link[i, j] *= 1 - written[0, i] - written[0, j]
            link[i, j] += written[0, i] * precedence[j]
        link[i, i] = 0
    precedence = (1 - written.sum()) * precedence + written[0]
    ways = {"backward": [], "content": [], "forward": []}
    for r, before in enumerate(last["read_weighting"]):
        forward = np.array(
            [sum(link[i, j] * before[j] for j in range(slots)) for i in range(slots)]
        )
        backward = np.array(
            [sum(link[j, i] * before[j] for j in range(slots)) for i in range(slots)]
        )
        if config.sharp_links and config.links:
            forward = sharpen(forward, s["forward_sharpness"][r].item())
            backward = sharpen(backward, s["backward_sharpness"][r].item())
        ways["forward"].append(forward)
        ways["backward"].append(backward)
        ways["content"].append(
            content_weighting(
                memory, s["read_key"][r], s["read_strength"][r].item(), s["read_mask"][r]
            )
        )
    names = ("backward", "content", "forward") if config.links else ("content",)
    reading = np.array(
        [
            sum(s["read_mode"][r, n] * ways[name][r] for n, name in enumerate(names))
            for r in range(config.num_reads)
        ]
    )
    reads = np.array([sum(w[i] * memory[i] for i in range(slots)) for w in reading])
    answer = affine(weights, "output", np.concatenate([np.clip(hidden, -20, 20), *reads]))
    return s | {
        "output": sigmoid(answer) if config.output == "sigmoid" else answer,
        "retention": retained,
        "usage": usage,
        "allocation_weighting": allocation[None],
        "write_content_weighting": content,
        "write_weighting": written,
        "link": link,
        "precedence": precedence,
        "forward_weighting": np.array(ways["forward"]),
        "backward_weighting": np.array(ways["backward"]),
        "read_content_weighting": np.array(ways["content"]),
        "read_weighting": reading,
        "reads": reads,
        "memory": memory,
        "hidden": hidden,
        "cell": cell,
    }


def interface(config: Any, weights: Weights, hidden: Array) -> dict[str, Array]:
    """ξ_t cut into its parts, activated; masks of 1 where there is no masking."""
    flat = affine(weights, "interface.linear", hidden)
    if config.layer_norm:
        flat = (flat - flat.mean()) / np.sqrt(flat.var() + 1e-5)
        flat = flat * weights["interface.norm.weight"] + weights["interface.norm.bias"]
    left = list(flat)

    def take(heads: int, width: int) -> Array:
        taken, left[: heads * width] = left[: heads * width], []
        return np.array(taken).reshape(heads, width)

    reads, width = config.num_reads, config.W
    parts = {
        "read_key": take(reads, width),
        "read_strength": oneplus(take(reads, 1)),
        "write_key": take(1, width),
        "write_strength": oneplus(take(1, 1)),
        "erase": sigmoid(take(1, width)),
        "add": take(1, width),
        "free_gate": sigmoid(take(reads, 1)),
        "allocation_gate": sigmoid(take(1, 1)),
        "write_gate": sigmoid(take(1, 1)),
        "read_mode": np.array([softmax(row) for row in take(reads, 3 if config.links else 1)]),
    }
    masks = {"read_mask": np.ones((reads, width)), "write_mask": np.ones((1, width))}
    if config.masking:
        masks = {n: 0.1 + 0.9 * sigmoid(take(*ones.shape)) for n, ones in masks.items()}
    if config.sharp_links and config.links:
        parts["backward_sharpness"] = oneplus(take(reads, 1))
        parts["forward_sharpness"] = oneplus(take(reads, 1))
    assert not left
    return parts | masks


def content_weighting(memory: Array, key: Array, strength: float, mask: Array) -> Array:
    """C(M, k, β) with the key and every slot masked."""
    scores = np.array([strength * cosine(key * mask, slot * mask) for slot in memory])
    return np.exp(scores) / np.exp(scores).sum()


def cosine(u: Array, v: Array) -> float:
    """u·v / (|u||v| + ε), where no norm is below ε = 1e-6: 0 for the zero vector."""
    norms = np.sqrt((u * u).sum() + 1e-12) * np.sqrt((v * v).sum() + 1e-12)
    return float((u * v).sum() / (norms + 1e-6))


def allocate(usage: Array, levels: int | None) -> Array:
    """a_t by the free list, equally free slots in their order."""
    order = usage if levels is None else [int(u * levels) for u in usage]
    free_list = sorted(range(len(usage)), key=lambda i: (order[i], i))
    usage = 1e-6 + (1 - 1e-6) * usage
    allocation, product = np.zeros(len(usage)), 1.0
    for slot in free_list:
        allocation[slot] = (1 - usage[slot]) * product
        product *= usage[slot]
    return allocation


def sharpen(followed: Array, sharpness: float) -> Array:
    """S(d, s)."""
    raised = followed + 1e-6
    powers = (raised / raised.max()) ** sharpness
    return powers / powers.sum()


def lstm(weights: Weights, x: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
    """The LSTM cell; the checkpoint's gates are laid out input, forget, output, cell."""
    gates = affine(weights, "controller.gates", np.concatenate([x, hidden]))
    let_in, forget, let_out, candidate = np.split(gates, 4)
    cell = sigmoid(forget) * cell + sigmoid(let_in) * np.tanh(candidate)
    return sigmoid(let_out) * np.tanh(cell), cell


def affine(weights: Weights, name: str, x: Array) -> Array:
    """A linear layer of the checkpoint."""
    return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


def oneplus(x: Array) -> Array:
    """1 + log(1 + e^x)."""
    return 1 + np.log1p(np.exp(x))


def softmax(x: Array) -> Array:
    """e^x, normalised."""
    return np.exp(x) / np.exp(x).sum()
