"""snipsco/ntm-lasagne: a list of arrays in the order in which its layers were made.

That project writes at the beginning of a step what the last one has decided, and reads then; here a
step ends with both. So the memory and the reads of our first step are those after its first write,
and no number is another.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ntm.architectures.ntm.signature import INITIAL_VALUE
from ntm.architectures.ntm.wired.config import WiredNTMConfig
from ntm.architectures.ntm.wired.wiring import PRESETS, Wiring
from ntm.foreign.converted import Array, Converted, Linear, heads, layers
from ntm.foreign.errors import ForeignFile

PARTS = ("key", "key_strength", "gate", "shift", "sharpening")
VECTORS = ("erase", "add")


class Reader:
    """Takes arrays one after the other."""

    def __init__(self, arrays: Sequence[Array], source: str) -> None:
        self._arrays, self._source, self._at = arrays, source, 0

    @property
    def left(self) -> list[tuple[int, ...]]:
        """The shapes of those that come."""
        return [array.shape for array in self._arrays[self._at :]]

    def take(self, what: str, *shape: int | None) -> Array:
        """The next array.

        Raises:
            ForeignFile: it is of another shape, or there is none
        """
        if not self.left:
            raise ForeignFile(f"{self._source}: it ends before {what}")
        value = np.asarray(self._arrays[self._at], np.float64)
        if len(value.shape) != len(shape) or any(
            wanted not in (None, size) for wanted, size in zip(shape, value.shape, strict=True)
        ):
            raise ForeignFile(
                f"{self._source}: array {self._at} has shape {list(value.shape)}, expected {what} "
                f"of {[size if size is not None else 'any' for size in shape]}"
            )
        if not np.isfinite(value).all():
            raise ForeignFile(f"{self._source}: array {self._at} holds NaN or infinity")
        self._at += 1
        return value

    def linear(self, what: str, inputs: int | None, outputs: int | None) -> Linear:
        """The next two: weights with inputs down, and biases."""
        weight = self.take(what, inputs, outputs)
        return Linear(weight.T, self.take(f"the bias of {what}", weight.shape[1]))


def convert(arrays: Sequence[Array], source: str) -> Converted:
    """The model, whose controller is dense or recurrent.

    Raises:
        ForeignFile: it is no such model
    """
    reader = Reader(arrays, source)
    hidden = reader.take("the controller's first output", 1, None)[0]
    size = len(hidden)
    maps = [reader.linear("the controller's map", None, size) for _ in range(2)]
    recurrent = reader.left[:1] == [(size, size)] and reader.left[1:2] == [(size,)]
    if recurrent:
        maps.append(reader.linear("the controller's map of itself", size, size))
    memory = reader.take("the memory", None, None)
    slots, width = memory.shape
    read, written = all_heads(reader, size, slots, width)
    output = reader.linear("the output layer", size, None)
    if reader.left:
        raise ForeignFile(f"{source}: {len(reader.left)} arrays have no place in such a model")
    joined = np.concatenate([one.weight for one in maps], axis=1)
    controller = Linear(joined, np.sum([one.bias for one in maps], axis=0))
    config = WiredNTMConfig(
        input_size=maps[0].weight.shape[1],
        output_size=len(output.bias),
        controller="recurrent" if recurrent else "feedforward",
        controller_size=size,
        N=slots,
        M=width,
        num_reads=len(read),
        num_writes=len(written),
        initial_memory="first-slot" if is_plain(memory) else "learned",
        wiring=PRESETS["lasagne"],
    )
    for where in [*read, *written]:
        if not np.array_equal(where["weightings"], np.eye(1, slots)[0]):
            raise ForeignFile(f"{source}: a head that does not start on slot 0 is not read")
    told = [*read, *written]
    after = first_write(config.wiring, memory, hidden, written)
    weights = layers(
        controller__layer=controller,
        heads__linear=heads(told, *([head[name] for head in written] for name in VECTORS)),
        output=output,
    ) | {
        "starts.memory": after[:1] if config.initial_memory == "first-slot" else after,
        "starts.reads": after[:1].repeat(len(read), axis=0),
    }
    if recurrent:
        weights["starts.hidden"] = hidden
    return Converted(config, weights)


def all_heads(
    reader: Reader, size: int, slots: int, width: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read heads and write heads, each with the weighting that it starts from."""
    read: list[dict[str, Any]] = []
    written: list[dict[str, Any]] = []
    while reader.left[:1] == [(1, slots)]:
        head: dict[str, Any] = {"weightings": reader.take("a weighting", 1, slots)[0]}
        sizes = (width, 1, 1, 3, 1)
        for part, count in zip(PARTS, sizes, strict=True):
            head[part] = reader.linear(f"a head's {part}", size, count)
        writes = len(reader.left) > 2 and reader.left[0] != (1, slots)
        if writes:
            head |= {name: reader.linear(f"a head's {name}", size, width) for name in VECTORS}
        (written if writes else read).append(head)
    return read, written


def is_plain(memory: Array) -> bool:
    """Whether it starts as ours does, so that any number of slots will do."""
    return bool(np.allclose(memory, INITIAL_VALUE, rtol=1e-6, atol=0))


def first_write(
    wiring: Wiring, memory: Array, hidden: Array, written: Sequence[dict[str, Any]]
) -> Array:
    """The memory [N, M] after the write that the controller's first output asks for, on slot 0."""
    after = memory.copy()
    told = [
        {name: head[name].weight @ hidden + head[name].bias for name in VECTORS} for head in written
    ]
    for one in told:
        after[0] *= 1 - activated(wiring.erase, one["erase"])
    for one in told:
        after[0] += activated(wiring.add, one["add"])
    return after


def activated(kind: str, x: Array) -> Array:
    """The activations of that project's write heads."""
    if kind == "hard-sigmoid":
        return np.clip(0.2 * x + 0.5, 0, 1)
    return np.clip(x, 0, 1) if kind == "clipped" else np.maximum(x, 0)
