"""A foreign checkpoint as one of ours, and the parts that most projects share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm.foreign.errors import ForeignFile

Array = NDArray[Any]
Tensors = Mapping[str, Array]
TORCH_GATES = "ifgo"
OUR_GATES = "ifog"
# What a head is told, in the order of our linear map.
TOLD = ("key", "key_strength", "sharpening", "gate", "shift")


@dataclass(frozen=True)
class Converted:
    """A configuration and its parameters by our names."""

    config: Any
    weights: dict[str, Array]
    notes: dict[str, Any] = field(default_factory=dict)  # what had to be chosen

    def with_slots(self, slots: int) -> "Converted":
        """The same with another N.

        Raises:
            ForeignFile: it has learned values for every slot
        """
        fixed = self.config.fixed_slots
        if fixed not in (None, slots):
            raise ForeignFile(f"the model has learned values for {fixed} slots, got {slots}")
        config = self.config.model_copy(update={"N": slots})
        return Converted(config, self.weights, self.notes)


@dataclass(frozen=True)
class Linear:
    """A linear map, outputs down and inputs across as in torch."""

    weight: Array  # [outputs, inputs]
    bias: Array  # [outputs]

    def rows(self, start: int, stop: int) -> "Linear":
        """Some of its outputs."""
        return Linear(self.weight[start:stop], self.bias[start:stop])

    @property
    def reversed(self) -> "Linear":
        """The outputs in reverse order, as taps of a cross-correlation are ours reversed."""
        return Linear(self.weight[::-1], self.bias[::-1])


class Named:
    """Tensors that are taken by name; what is missing or left is told by its name."""

    def __init__(self, tensors: Tensors, source: str) -> None:
        self._tensors, self._source, self._taken = dict(tensors), source, set[str]()

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def take(self, name: str, *shape: int | None) -> Array:
        """One tensor in float64, of this shape where one is given.

        Raises:
            ForeignFile: it is missing, or of another shape, or not finite
        """
        if name not in self._tensors:
            raise ForeignFile(f"{self._source}: tensor {name} is missing")
        value = np.asarray(self._tensors[name], np.float64)
        fits = len(shape) == value.ndim and all(
            wanted in (None, size) for wanted, size in zip(shape, value.shape, strict=True)
        )
        if shape and not fits:
            raise ForeignFile(
                f"{self._source}: tensor {name} has shape {list(value.shape)}, expected "
                f"{[size if size is not None else 'any' for size in shape]}"
            )
        if not np.isfinite(value).all():
            raise ForeignFile(f"{self._source}: tensor {name} holds NaN or infinity")
        self._taken.add(name)
        return value

    def linear(self, name: str) -> Linear:
        """A linear layer of torch."""
        weight = self.take(f"{name}.weight", None, None)
        return Linear(weight, self.take(f"{name}.bias", len(weight)))

    def finish(self, unused: Iterable[str] = ()) -> None:
        """Nothing may be left but what these are known to hold.

        Raises:
            ForeignFile: a tensor has no place in the model
        """
        for name in sorted(self._tensors.keys() - self._taken):
            if not any(part in name for part in unused):
                raise ForeignFile(f"{self._source}: tensor {name} has no place in such a model")


def gates(named: Named, prefix: str, suffix: str = "") -> Linear:
    """An LSTM's gates as one map of [x; h] in our order, from torch's two with two biases."""
    from_input = named.take(f"{prefix}weight_ih{suffix}", None, None)
    from_hidden = named.take(f"{prefix}weight_hh{suffix}", None, None)
    bias = named.take(f"{prefix}bias_ih{suffix}") + named.take(f"{prefix}bias_hh{suffix}")
    return reordered(Linear(np.concatenate((from_input, from_hidden), axis=1), bias), TORCH_GATES)


def reordered(gates: Linear, order: str) -> Linear:
    """The gates of an LSTM, whose order is told by the letters i, f, g (the candidate) and o."""
    parts = dict(zip(order, np.split(np.arange(len(gates.bias)), 4), strict=True))
    rows = np.concatenate([parts[gate] for gate in OUR_GATES])
    return Linear(gates.weight[rows], gates.bias[rows])


def stacked(parts: Iterable[Linear]) -> Linear:
    """Several maps of the same vector as one."""
    parts = list(parts)
    weight = np.concatenate([part.weight for part in parts])
    return Linear(weight, np.concatenate([part.bias for part in parts]))


def heads(
    told: Iterable[Mapping[str, Linear]], erase: Iterable[Linear], add: Iterable[Linear]
) -> Linear:
    """The linear map of all heads, read heads first, each told `TOLD`."""
    return stacked([*(head[name] for head in told for name in TOLD), *erase, *add])


def layers(**maps: Linear) -> dict[str, Array]:
    """Parameters of linear layers by our names; `__` stands for a dot."""
    found: dict[str, Array] = {}
    for name, layer in maps.items():
        found[f"{name.replace('__', '.')}.weight"] = layer.weight
        found[f"{name.replace('__', '.')}.bias"] = layer.bias
    return found
