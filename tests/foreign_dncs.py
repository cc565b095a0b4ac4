"""Two other projects' DNCs in float64 NumPy, small random files of each, and TensorFlow's tables.

Written from the equations of each project; they share no code with `ntm`.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.foreign_projects import (
    INPUTS,
    OUTPUTS,
    SIZE,
    WIDTH,
    Array,
    Tensors,
    affine,
    linear_shapes,
    lstm,
    lstm_shapes,
    random_tensors,
    relu,
    sigmoid,
    softmax,
    softplus,
)

READS = 2
INTERFACE = READS * WIDTH + 3 * WIDTH + 5 * READS + 3


def dnc_tensorflow(rng: np.random.Generator) -> Tensors:
    """The variables of Mostafa-Samir/DNC-tensorflow's copy task."""
    shapes: dict[str, tuple[int, ...]] = {
        "layer1_W": (INPUTS + READS * WIDTH, 8),
        "layer1_b": (8,),
        "layer2_W": (8, SIZE),
        "layer2_b": (SIZE,),
        "interface_weights": (SIZE, INTERFACE),
        "nn_output_weights": (SIZE, OUTPUTS),
        "mem_output_weights": (READS * WIDTH, OUTPUTS),
    }
    found = random_tensors(rng, shapes)
    return {f"controller/{name}": value for name, value in found.items()}


def pytorch_dnc(rng: np.random.Generator, apart: bool) -> Tensors:
    """A state dict of ixaxaar/pytorch-dnc with one LSTM layer."""
    memory = "rnn_layer_memory_shared."
    shapes = lstm_shapes("lstm_layer_0.", "_l0", INPUTS + READS * WIDTH)
    shapes |= linear_shapes(output=(OUTPUTS, SIZE + READS * WIDTH))
    if not apart:
        shapes |= linear_shapes(**{f"{memory}interface_weights": (INTERFACE, SIZE)})
    else:
        for name, size in (
            ("read_keys", READS * WIDTH),
            ("read_strengths", READS),
            ("write_key", WIDTH),
            ("write_strength", 1),
            ("erase_vector", WIDTH),
            ("write_vector", WIDTH),
            ("free_gates", READS),
            ("allocation_gate", 1),
            ("write_gate", 1),
            ("read_modes", 3 * READS),
        ):
            shapes |= linear_shapes(**{f"{memory}{name}_transform": (size, SIZE)})
    return random_tensors(rng, shapes)


class Memory:
    """The memory that both have: what is written, freed, linked and read at a step."""

    def __init__(self, slots: int, first: float, cosine: Callable[[Array, Array], Array]) -> None:
        self.cosine = cosine
        self.memory = np.full((slots, WIDTH), first)
        self.usage, self.precedence = np.zeros(slots), np.zeros(slots)
        self.link = np.zeros((slots, slots))
        self.written, self.read = np.full(slots, first), np.full((READS, slots), first)
        self.reads = np.full((READS, WIDTH), first)

    def step(self, told: dict[str, Array]) -> None:
        """Write, then read."""
        kept = np.prod(1 - told["free"][:, None] * self.read, axis=0)
        self.usage = (self.usage + self.written - self.usage * self.written) * kept
        held = 1e-6 + (1 - 1e-6) * self.usage
        allocation, before = np.zeros(len(held)), 1.0
        for slot in np.argsort(self.usage, kind="stable"):
            allocation[slot] = (1 - held[slot]) * before
            before *= held[slot]
        found = softmax(told["write_strength"] * self.cosine(self.memory, told["write_key"]))
        gate, written = told["allocation_gate"], told["write_gate"]
        w = written * (gate * allocation + (1 - gate) * found)
        self.memory = self.memory * (1 - np.outer(w, told["erase"])) + np.outer(w, told["add"])
        self.link = (1 - w[:, None] - w[None]) * self.link + np.outer(w, self.precedence)
        np.fill_diagonal(self.link, 0)
        self.precedence = (1 - w.sum()) * self.precedence + w
        self.written = w
        for head in range(READS):
            content = softmax(
                told["read_strength"][head] * self.cosine(self.memory, told["read_key"][head])
            )
            back, forth = self.link.T @ self.read[head], self.link @ self.read[head]
            ways = {"backward": back, "content": content, "forward": forth}
            self.read[head] = sum(told[way][head] * value for way, value in ways.items())
        self.reads = self.read @ self.memory


def parts(flat: Array) -> dict[str, Array]:
    """The interface vector cut in the order that both have."""
    sizes = (READS * WIDTH, READS, WIDTH, 1, WIDTH, WIDTH, READS, 1, 1, 3 * READS)
    names = "read_key read_strength write_key write_strength erase add free allocation_gate"
    cut = np.split(flat, np.cumsum(sizes)[:-1])
    told = dict(zip([*names.split(), "write_gate", "modes"], cut, strict=True))
    gates = ("erase", "free", "allocation_gate", "write_gate")
    return told | {name: sigmoid(told[name]) for name in gates}


def run_dnc_tensorflow(tensors: Tensors, sequence: Array, slots: int) -> Array:
    """Its outputs [T, O], with heads last in vectors of all heads."""
    variables = {name.removeprefix("controller/"): value for name, value in tensors.items()}

    def normalised(x: Array) -> Array:
        return np.asarray(x / np.sqrt(np.maximum((x * x).sum(-1, keepdims=True), 1e-12)))

    memory = Memory(slots, 1e-6, lambda rows, key: normalised(rows) @ normalised(key))
    outputs = []
    for x in sequence:
        heard = np.concatenate((x, memory.reads.T.ravel()))
        hidden = relu(heard @ variables["layer1_W"] + variables["layer1_b"])
        hidden = relu(hidden @ variables["layer2_W"] + variables["layer2_b"])
        told = parts(hidden @ variables["interface_weights"])
        modes = np.array([softmax(mode) for mode in told["modes"].reshape(3, READS).T]).T
        told |= dict(zip(("backward", "content", "forward"), modes, strict=True))
        told["read_key"] = told["read_key"].reshape(WIDTH, READS).T
        for name in ("read_strength", "write_strength"):
            told[name] = 1 + softplus(told[name])
        memory.step(told)
        read = memory.reads.T.ravel() @ variables["mem_output_weights"]
        outputs.append(sigmoid(hidden @ variables["nn_output_weights"] + read))
    return np.array(outputs)


def run_pytorch_dnc(tensors: Tensors, sequence: Array, slots: int) -> Array:
    """Its outputs [T, O] from a controller that starts from zero."""

    def cosine(rows: Array, key: Array) -> Array:
        norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(key)
        return np.asarray(rows @ key / (norms + 1e-6))

    shared = "rnn_layer_memory_shared."
    layers = [name.removesuffix(".weight") for name in tensors if name.endswith("weight")]
    interface = [name for name in layers if name.startswith(shared)]
    memory, state = Memory(slots, 0.0, cosine), (np.zeros(SIZE), np.zeros(SIZE))
    outputs = []
    for x in sequence:
        heard = np.concatenate((x, memory.reads.ravel()))
        state = lstm(tensors, "lstm_layer_0.", "_l0", heard, state)
        told = parts(np.concatenate([affine(tensors, name, state[0]) for name in interface]))
        modes = np.array([softmax(mode) for mode in told["modes"].reshape(READS, 3)]).T
        told |= dict(zip(("backward", "forward", "content"), modes, strict=True))
        told["read_key"] = np.tanh(told["read_key"].reshape(READS, WIDTH))
        told |= {name: np.tanh(told[name]) for name in ("write_key", "add")}
        told |= {name: softplus(told[name]) for name in ("read_strength", "write_strength")}
        memory.step(told)
        outputs.append(affine(tensors, "output", np.concatenate((state[0], memory.reads.ravel()))))
    return np.array(outputs)


def varint(value: int) -> bytes:
    written = b""
    while value > 0x7F:
        written += bytes([value & 0x7F | 0x80])
        value >>= 7
    return written + bytes([value])


def field(number: int, value: Any) -> bytes:
    """One field of a protocol buffer: a number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def shape_field(shape: tuple[int, ...]) -> bytes:
    return b"".join(field(2, field(1, size)) for size in shape)


def table(entries: dict[bytes, bytes]) -> bytes:
    """A sorted table of one block, each key told by what it shares with the last."""

    def block(rows: dict[bytes, bytes]) -> bytes:
        written, last = b"", b""
        for key, value in sorted(rows.items()):
            shared = next((i for i, (a, b) in enumerate(zip(key, last, strict=False)) if a != b), 0)
            written += varint(shared) + varint(len(key) - shared) + varint(len(value))
            written += key[shared:] + value
            last = key
        return written + struct.pack("<II", 0, 1)

    data = block(entries)
    start = len(data) + 5
    index = block({b"\xff": varint(0) + varint(len(data))})
    footer = varint(start) + varint(0) + varint(start) + varint(len(index))
    magic = struct.pack("<Q", 0xDB4775248B80FB57)
    return data + bytes(5) + index + bytes(5) + footer.ljust(40, b"\0") + magic


def save_version_1(path: Path, tensors: Tensors) -> Path:
    """One file whose values are the tensors."""
    meta, entries = b"", {}
    for name, value in tensors.items():
        numbers = np.asarray(value, "<f4")
        meta += field(1, field(1, name.encode()) + field(2, shape_field(numbers.shape)))
        proto = field(1, 1) + field(5, numbers.tobytes())
        entries[b"\0\1" + name.encode()] = field(2, field(1, name.encode()) + field(3, proto))
    path.write_bytes(table(entries | {b"": field(1, meta)}))
    return path


def save_version_2(path: Path, tensors: Tensors) -> Path:
    """An index, and a file of numbers."""
    entries, data = {b"": field(1, 1)}, b""
    for name, value in tensors.items():
        numbers = np.asarray(value, "<f4")
        where = field(4, len(data)) + field(5, numbers.nbytes)
        entries[name.encode()] = field(1, 1) + field(2, shape_field(numbers.shape)) + where
        data += numbers.tobytes()
    path.with_name(f"{path.name}.index").write_bytes(table(entries))
    path.with_name(f"{path.name}.data-00000-of-00001").write_bytes(data)
    return path
