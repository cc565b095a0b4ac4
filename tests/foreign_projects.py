"""Other projects' models in float64 NumPy, from their equations, and small random files of each.

Every project's step is written as that project has it: its order, its names, its layout. They share
no code with `ntm`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Tensors = dict[str, Array]
INPUTS, OUTPUTS, SIZE, SLOTS, WIDTH = 4, 3, 6, 7, 5


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def softplus(x: Array) -> Array:
    return np.asarray(np.log1p(np.exp(x)))


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def hard_sigmoid(x: Array) -> Array:
    return np.clip(0.2 * x + 0.5, 0, 1)


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max())
    return np.asarray(powers / powers.sum())


def affine(tensors: Tensors, name: str, x: Array) -> Array:
    return np.asarray(tensors[f"{name}.weight"] @ x + tensors[f"{name}.bias"])


def lstm(tensors: Tensors, prefix: str, suffix: str, x: Array, state: Any) -> tuple[Array, Array]:
    """torch's LSTM cell: gates i, f, g, o of two maps with a bias each."""
    hidden, cell = state
    gates = (
        tensors[f"{prefix}weight_ih{suffix}"] @ x
        + tensors[f"{prefix}bias_ih{suffix}"]
        + tensors[f"{prefix}weight_hh{suffix}"] @ hidden
        + tensors[f"{prefix}bias_hh{suffix}"]
    )
    i, f, g, o = np.split(gates, 4)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    return np.asarray(sigmoid(o) * np.tanh(cell)), np.asarray(cell)


def cosine(memory: Array, key: Array, offset: float = 1e-16) -> Array:
    memory, key = memory + offset, key + offset
    norms = np.linalg.norm(memory, axis=1) * np.linalg.norm(key)
    return np.asarray(memory @ key / np.maximum(norms, 1e-8))


def correlated(weighting: Array, taps: Array) -> Array:
    """A circular cross-correlation: what torch's conv1d gives of a padded weighting."""
    around = np.concatenate((weighting[-1:], weighting, weighting[:1]))
    return np.array([taps @ around[n : n + 3] for n in range(len(weighting))])


def held(weighting: Array, sharpening: Array) -> Array:
    powers = weighting**sharpening
    return np.asarray(powers / (powers.sum() + 1e-16))


def write(memory: Array, weighting: Array, erase: Any, add: Array) -> Array:
    return np.asarray(memory * (1 - np.outer(weighting, erase)) + np.outer(weighting, add))


def random_tensors(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> Tensors:
    return {name: rng.normal(0, 0.7, shape) for name, shape in shapes.items()}


def lstm_shapes(prefix: str, suffix: str, operands: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{prefix}weight_ih{suffix}": (4 * SIZE, operands),
        f"{prefix}weight_hh{suffix}": (4 * SIZE, SIZE),
        f"{prefix}bias_ih{suffix}": (4 * SIZE,),
        f"{prefix}bias_hh{suffix}": (4 * SIZE,),
    }


def linear_shapes(**layers: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (outputs, inputs) in layers.items():
        shapes[f"{name.replace('__', '.')}.weight"] = (outputs, inputs)
        shapes[f"{name.replace('__', '.')}.bias"] = (outputs,)
    return shapes


def pytorch_ntm(rng: np.random.Generator, pairs: int = 1) -> Tensors:
    """A state dict of loudinthecloud/pytorch-ntm."""
    shapes: dict[str, tuple[int, ...]] = {
        "ntm.controller.lstm_h_bias": (1, 1, SIZE),
        "ntm.controller.lstm_c_bias": (1, 1, SIZE),
        "memory.mem_bias": (SLOTS, WIDTH),
        **lstm_shapes("ntm.controller.lstm.", "_l0", INPUTS + pairs * WIDTH),
        **linear_shapes(ntm__fc=(OUTPUTS, SIZE + pairs * WIDTH)),
    }
    for pair in range(pairs):
        shapes[f"ntm.read{pair}_bias"] = (1, WIDTH)
        read, written = (f"ntm__heads__{2 * pair + side}__fc" for side in (0, 1))
        shapes |= linear_shapes(**{f"{read}_read": (WIDTH + 6, SIZE)})
        shapes |= linear_shapes(**{f"{written}_write": (3 * WIDTH + 6, SIZE)})
    tensors = random_tensors(rng, shapes)
    copies = ["ntm.memory.mem_bias", *(f"ntm.heads.{n}.memory.mem_bias" for n in range(2 * pairs))]
    return tensors | dict.fromkeys(copies, tensors["memory.mem_bias"])


def run_pytorch_ntm(tensors: Tensors, sequence: Array, of_2017: bool) -> Array:
    """Its outputs [T, O]: heads in the order of its list, a read head before each write head."""
    beta = relu if of_2017 else softplus
    rectified = relu if of_2017 else (lambda x: x)
    memory = tensors["memory.mem_bias"]
    pairs = sum(name.endswith("fc_read.weight") for name in tensors)
    reads = [tensors[f"ntm.read{pair}_bias"][0] for pair in range(pairs)]
    state = tensors["ntm.controller.lstm_h_bias"][0, 0], tensors["ntm.controller.lstm_c_bias"][0, 0]
    weightings = [np.zeros(len(memory)) for _ in range(2 * pairs)]
    outputs = []

    def address(told: Array, last: Array) -> Array:
        width = memory.shape[1]
        key, told = rectified(told[:width]), told[width:]
        content = softmax(beta(told[0]) * cosine(memory, key))
        gated = sigmoid(told[1]) * content + (1 - sigmoid(told[1])) * last
        return held(correlated(gated, softmax(rectified(told[2:5]))), 1 + beta(told[5]))

    for x in sequence:
        heard = np.concatenate((x, *reads))
        state = lstm(tensors, "ntm.controller.lstm.", "_l0", heard, state)
        for pair in range(pairs):
            told = affine(tensors, f"ntm.heads.{2 * pair}.fc_read", state[0])
            weightings[2 * pair] = address(told, weightings[2 * pair])
            reads[pair] = weightings[2 * pair] @ memory
            told = affine(tensors, f"ntm.heads.{2 * pair + 1}.fc_write", state[0])
            own, erase, add = np.split(told, [memory.shape[1] + 6, 2 * memory.shape[1] + 6])
            weightings[2 * pair + 1] = address(own, weightings[2 * pair + 1])
            erased = relu(erase) if of_2017 else sigmoid(erase)
            memory = write(memory, weightings[2 * pair + 1], erased, rectified(add))
        outputs.append(sigmoid(affine(tensors, "ntm.fc", np.concatenate((state[0], *reads)))))
    return np.array(outputs)


def clemkoa(rng: np.random.Generator, feedforward: bool = False) -> Tensors:
    """A state dict of clemkoa/ntm."""
    inside, operands = "controller._controller.", INPUTS + WIDTH
    shapes: dict[str, tuple[int, ...]] = {"memory.initial_read": (1, WIDTH)}
    if feedforward:
        layers = {"layer_1": (SIZE, operands), "layer_2": (SIZE, SIZE)}
        shapes |= linear_shapes(**{f"{inside}{name}": size for name, size in layers.items()})
    else:
        shapes |= lstm_shapes(f"{inside}layer.", "_l0", operands)
        shapes |= {f"{inside}lstm_{name}_state": (1, 1, SIZE) for name in "hc"}
    parts = {"k": WIDTH, "beta": 1, "g": 1, "s": 3, "gamma": 1, "e": WIDTH, "a": WIDTH}
    for side in ("read_head", "write_head"):
        shapes[f"{side}._initial_state"] = (1, SLOTS)
        for name in [*parts][: 5 if side == "read_head" else 7]:
            shapes |= linear_shapes(**{f"{side}.{name}_layer": (parts[name], SIZE)})
    tensors = random_tensors(rng, shapes | linear_shapes(fc=(OUTPUTS, SIZE + WIDTH)))
    tensors["memory.initial_state"] = np.full((SLOTS, WIDTH), 1e-6)
    return tensors


def run_clemkoa(tensors: Tensors, sequence: Array) -> Array:
    """Its outputs [T, O]; both gates keep the read head's last weighting."""
    inside = "controller._controller."
    memory, reads = tensors["memory.initial_state"], tensors["memory.initial_read"][0]
    sides = ("read_head", "write_head")
    weightings = {side: softmax(tensors[f"{side}._initial_state"][0]) for side in sides}
    feedforward = f"{inside}layer_1.weight" in tensors
    if not feedforward:
        state = tuple(tensors[f"{inside}lstm_{name}_state"][0, 0] for name in "hc")
    outputs = []

    def address(side: str, last: Array) -> Array:
        told = {
            name: affine(tensors, f"{side}.{name}_layer", hidden)
            for name in ("k", "beta", "g", "s", "gamma")
        }
        content = softmax(softplus(told["beta"]) * cosine(memory, told["k"]))
        gated = sigmoid(told["g"]) * content + (1 - sigmoid(told["g"])) * last
        return held(correlated(gated, softmax(told["s"])), 1 + softplus(told["gamma"]))

    for x in sequence:
        heard = np.concatenate((x, reads))
        if feedforward:
            hidden = relu(affine(tensors, f"{inside}layer_1", heard))
            hidden = relu(affine(tensors, f"{inside}layer_2", hidden))
        else:
            state = lstm(tensors, f"{inside}layer.", "_l0", heard, state)
            hidden = state[0]
        last = weightings["read_head"]
        weightings = {side: address(side, last) for side in sides}
        reads = weightings["read_head"] @ memory
        erase = sigmoid(affine(tensors, "write_head.e_layer", hidden))
        add = affine(tensors, "write_head.a_layer", hidden)
        memory = write(memory, weightings["write_head"], erase, add)
        outputs.append(sigmoid(affine(tensors, "fc", np.concatenate((hidden, reads)))))
    return np.array(outputs)


VLGIITR = ("key_fc", "key_strength_fc", "interpolation_gate_fc", "shift_weighting_fc")


def vlgiitr(rng: np.random.Generator, pairs: int = 1) -> Tensors:
    """A state dict of vlgiitr/ntm-pytorch."""
    shapes = lstm_shapes("controller.controller_net.", "", INPUTS + pairs * WIDTH)
    shapes |= linear_shapes(
        controller__out_net=(OUTPUTS, SIZE + pairs * WIDTH),
        controller__h_bias_fc=(SIZE, 1),
        controller__c_bias_fc=(SIZE, 1),
        memory__memory_bias_fc=(SLOTS * WIDTH, 1),
    )
    sizes = (WIDTH, 1, 1, 3, 1, WIDTH)
    for head in range(2 * pairs):
        for name, size in zip((*VLGIITR, "sharpen_factor_fc", "write_data_fc"), sizes, strict=True):
            shapes |= linear_shapes(**{f"heads__{head}__{name}": (size, SIZE)})
    return random_tensors(rng, shapes)


def run_vlgiitr(tensors: Tensors, sequence: Array, reads: Array) -> Array:
    """Its outputs [T, O] from the first reads [R, M]: heads hear the cell, in a list of pairs."""
    memory = sigmoid(tensors["memory.memory_bias_fc.bias"]).reshape(-1, reads.shape[1])
    state = tuple(tensors[f"controller.{name}_bias_fc.bias"] for name in "hc")
    weightings = [np.zeros(len(memory)) for _ in range(2 * len(reads))]
    outputs = []
    for x in sequence:
        heard = np.concatenate((x, *reads))
        state = lstm(tensors, "controller.controller_net.", "", heard, state)
        reads = reads.copy()
        for head, last in enumerate(weightings):
            key, beta, gate, shift = (
                affine(tensors, f"heads.{head}.{name}", state[1]) for name in VLGIITR
            )
            sharpening = 1 + softplus(affine(tensors, f"heads.{head}.sharpen_factor_fc", state[1]))
            content = softmax(softplus(beta) * cosine(memory, key, 0.0))
            gated = sigmoid(gate) * content + (1 - sigmoid(gate)) * last
            weighting = held(correlated(gated, softmax(shift)), sharpening)
            weightings[head] = weighting
            if head % 2 == 0:
                reads[head // 2] = weighting @ memory
                continue
            data = affine(tensors, f"heads.{head}.write_data_fc", state[1])
            memory = np.outer(weighting, data) + (1 - weighting)[:, None] * memory
        seen = np.concatenate((state[0], *reads))
        outputs.append(sigmoid(affine(tensors, "controller.out_net", seen)))
    return np.array(outputs)


def lasagne(rng: np.random.Generator, recurrent: bool = False, reads: int = 1) -> list[Array]:
    """The list of arrays of snipsco/ntm-lasagne: one write head, then read heads."""
    shapes: list[tuple[int, ...]] = [(1, SIZE), (INPUTS, SIZE), (SIZE,)]
    shapes += [(reads * WIDTH, SIZE), (SIZE,)]
    shapes += [(SIZE, SIZE), (SIZE,)] if recurrent else []
    before = len(shapes)
    for vectors in (2, *[0] * reads):
        shapes.append((1, SLOTS))
        for size in (WIDTH, 1, 1, 3, 1, *[WIDTH] * vectors):
            shapes += [(SIZE, size), (size,)]
    shapes += [(SIZE, OUTPUTS), (OUTPUTS,)]
    arrays = [rng.normal(0, 0.7, shape) for shape in shapes]
    arrays = [np.eye(1, SLOTS) if array.shape == (1, SLOTS) else array for array in arrays]
    return [*arrays[:before], np.full((SLOTS, WIDTH), 1e-6), *arrays[before:]]


def run_lasagne(arrays: list[Array], sequence: Array, recurrent: bool, slots: int = SLOTS) -> Array:
    """Its outputs [T, O]: first the last step's write and read, then the controller."""
    left = iter(arrays)
    hidden = next(left)[0]
    maps = [(next(left), next(left)) for _ in range(3 if recurrent else 2)]
    width = next(left).shape[1]
    memory = np.full((slots, width), 1e-6)
    heads: list[list[tuple[Array, Array]]] = []
    rest = list(left)
    output = rest[-2:]
    del rest[-2:]
    while rest:
        count = 14 if not heads else 10
        heads.append([(rest[n], rest[n + 1]) for n in range(1, count, 2)])
        del rest[: count + 1]
    weightings = [np.eye(1, slots)[0] for _ in heads]
    outputs = []
    for x in sequence:
        erase, add = (hidden @ w + b for w, b in heads[0][5:])
        memory = write(memory, weightings[0], hard_sigmoid(erase), relu(add))
        reads = np.concatenate([weighting @ memory for weighting in weightings[1:]])
        heard = (x, reads, hidden)
        total = sum(value @ w + b for value, (w, b) in zip(heard, maps, strict=False))
        hidden = relu(np.asarray(total))
        for n, head in enumerate(heads):
            key, beta, gate, shift, gamma = (hidden @ w + b for w, b in head[:5])
            key, gate = relu(key), hard_sigmoid(gate)
            norms = np.sqrt((key * key).sum() * (memory * memory).sum(axis=1) + 1e-6)
            content = softmax(relu(beta) * (memory @ key) / norms)
            gated = gate * content + (1 - gate) * weightings[n]
            padded = np.concatenate(([0], gated, [0]))
            taps = softmax(shift)[::-1]  # a true convolution
            moved = np.array([taps @ padded[i : i + 3] for i in range(slots)])
            powers = (moved + 1e-6) ** (1 + relu(gamma))
            weightings[n] = powers / powers.sum()
        outputs.append(sigmoid(hidden @ output[0] + output[1]))
    return np.array(outputs)
