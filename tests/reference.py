"""The Neural Turing Machine once more, in float64 NumPy, from the paper's equations alone.

Slow and plain: one sequence, one slot, one shift at a time. It shares no code with `ntm`; the
names and layouts of the tensors in a checkpoint are all that it takes from there.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.ntm.config import NTMConfig

Array = NDArray[np.float64]
Weights = dict[str, Array]


@dataclass(frozen=True)
class State:
    """What one step hands to the next."""

    memory: Array  # [N, M]
    weightings: Array  # [H, N], read heads first
    reads: Array  # [R, M]
    controller: tuple[Array, ...]  # (hidden, cell), or () for feedforward


@dataclass(frozen=True)
class Step:
    """The output, the next state and every stage in between."""

    output: Array
    state: State
    stages: dict[str, Array] = field(default_factory=dict)


def run(config: NTMConfig, weights: Weights, sequence: Array, slots: int) -> list[Step]:
    """All steps of one sequence [T, I], from the initial state."""
    state, steps = initial_state(config, weights, slots), []
    for x in sequence:
        steps.append(step(config, weights, x, state))
        state = steps[-1].state
    return steps


def initial_state(config: NTMConfig, weights: Weights, slots: int) -> State:
    """Constant or learned memory, every head on slot 0 and having read it, a silent controller."""
    memory = weights.get("learned_memory", np.full((slots, config.M), 1e-6))
    weightings = np.zeros((config.num_reads + config.num_writes, slots))
    weightings[:, 0] = 1.0
    silent = np.zeros(config.controller_size)
    return State(
        memory=memory,
        weightings=weightings,
        reads=np.array([read(memory, w) for w in weightings[: config.num_reads]]),
        controller=(silent, silent) if config.controller == "lstm" else (),
    )


def step(config: NTMConfig, weights: Weights, x: Array, state: State) -> Step:
    """One step: controller, heads, addressing, read, write, output."""
    told = np.concatenate([x, *state.reads])
    controlled = (lstm if config.controller == "lstm" else feedforward)(
        weights, told, state.controller
    )
    hidden = controlled[0]
    stages = head_parameters(config, weights, hidden)
    address_all(stages, state)
    reading, writing = np.split(stages["weighting"], [config.num_reads])
    reads = np.array([read(state.memory, w) for w in reading])
    memory = write(state.memory, writing, stages["erase"], stages["add"])
    answer = affine(weights, "output", np.concatenate([hidden, *reads]))
    stages |= {"reads": reads, "hidden": hidden, "memory": state.memory}
    stages["cell"] = controlled[1] if len(controlled) > 1 else np.zeros(0)
    carried = controlled if config.controller == "lstm" else ()
    activations = {"sigmoid": sigmoid, "softmax": softmax, "identity": lambda values: values}
    output = activations[config.output](answer)
    return Step(output, State(memory, stages["weighting"], reads, carried), stages)


def lstm(weights: Weights, x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    """The LSTM cell; the checkpoint's gates are laid out input, forget, output, cell."""
    hidden, cell = state
    gates = affine(weights, "controller.gates", np.concatenate([x, hidden]))
    let_in, forget, let_out, candidate = np.split(gates, 4)
    cell = sigmoid(forget) * cell + sigmoid(let_in) * np.tanh(candidate)
    return sigmoid(let_out) * np.tanh(cell), cell


def feedforward(weights: Weights, x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    """One tanh layer without a state."""
    return (np.tanh(affine(weights, "controller.layer", x)),)


def head_parameters(config: NTMConfig, weights: Weights, hidden: Array) -> dict[str, Array]:
    """k, β, g, s, γ of every head, then e and a of the write heads."""
    flat = list(affine(weights, "heads.linear", hidden))

    def take(count: int) -> Array:
        taken, flat[:count] = flat[:count], []
        return np.array(taken)

    names = ("key", "key_strength", "sharpening", "gate", "shift")
    heads: dict[str, list[Array]] = {name: [] for name in names}
    for _ in range(config.num_reads + config.num_writes):
        heads["key"].append(np.tanh(take(config.M)))
        heads["key_strength"].append(softplus(take(1)))
        heads["sharpening"].append(1 + softplus(take(1)))
        heads["gate"].append(sigmoid(take(1)))
        heads["shift"].append(softmax(take(config.shift_range)))
    heads["erase"] = [sigmoid(take(config.M)) for _ in range(config.num_writes)]
    heads["add"] = [np.tanh(take(config.M)) for _ in range(config.num_writes)]
    assert not flat
    return {name: np.array(values) for name, values in heads.items()}


def address_all(stages: dict[str, Array], state: State) -> None:
    """Add the four weightings of every head to its parameters."""
    names = ("content_weighting", "gated_weighting", "shifted_weighting", "weighting")
    told = ("key", "key_strength", "gate", "shift", "sharpening")
    heads = zip(*(stages[name] for name in told), state.weightings, strict=True)
    addressed = [
        address(state.memory, k, b.item(), g.item(), s, y.item(), w) for k, b, g, s, y, w in heads
    ]
    stages |= {
        name: np.array(rows) for name, rows in zip(names, zip(*addressed, strict=True), strict=True)
    }


def address(
    memory: Array,
    key: Array,
    key_strength: float,
    gate: float,
    shift: Array,
    sharpening: float,
    previous: Array,
) -> tuple[Array, Array, Array, Array]:
    """w^c, w^g, w~ and w of one head (Eq. 5 to 9)."""
    content = content_weighting(memory, key, key_strength)
    gated = gate * content + (1 - gate) * previous
    shifted = convolve(gated, shift)
    return content, gated, shifted, sharpen(shifted, sharpening)


def content_weighting(memory: Array, key: Array, key_strength: float) -> Array:
    """Eq. 5."""
    scores = [np.exp(key_strength * cosine(key, slot)) for slot in memory]
    return np.array(scores) / sum(scores)


def cosine(u: Array, v: Array) -> float:
    """Eq. 6, and 0 for the zero vector, which the paper leaves open."""
    norms = np.sqrt(sum(u * u)) * np.sqrt(sum(v * v))
    return sum(u * v) / norms if norms > 0 else 0.0


def convolve(gated: Array, shift: Array) -> Array:
    """Eq. 8, summed over the allowed shifts; one of +1 moves what is at i to i + 1."""
    slots, furthest = len(gated), len(shift) // 2
    shifted = np.zeros(slots)
    for i in range(slots):
        for by in range(-furthest, furthest + 1):
            shifted[(i + by) % slots] += gated[i] * shift[by + furthest]
    return shifted


def sharpen(shifted: Array, sharpening: float) -> Array:
    """Eq. 9."""
    powers = np.array([w**sharpening for w in shifted])
    return powers / sum(powers)


def read(memory: Array, weighting: Array) -> Array:
    """Eq. 2."""
    return sum(w * slot for w, slot in zip(weighting, memory, strict=True))


def write(memory: Array, weightings: Array, erase: Array, add: Array) -> Array:
    """Eq. 3 for all heads, then Eq. 4 for all heads."""
    memory = memory.copy()
    for weighting, e in zip(weightings, erase, strict=True):
        for i, w in enumerate(weighting):
            memory[i] *= 1 - w * e
    for weighting, a in zip(weightings, add, strict=True):
        for i, w in enumerate(weighting):
            memory[i] += w * a
    return memory


def affine(weights: Weights, name: str, x: Array) -> Array:
    """A linear layer of the checkpoint."""
    return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    """log(1 + e^x)."""
    return np.log1p(np.exp(x))


def softmax(x: Array) -> Array:
    """e^x, normalised."""
    return np.exp(x) / np.exp(x).sum()
