"""The Differentiable Neural Computer as a configuration wires it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ntm.architectures.dense_controllers import DenseController
from ntm.architectures.dnc.interface import ACTIVATIONS, InterfaceLayer
from ntm.architectures.dnc.model import DNC, DNCState
from ntm.architectures.dnc.wired.config import WiredDNCConfig

SMALLEST_SQUARE = 1e-12


class WiredDNC(DNC):
    """A Differentiable Neural Computer with the wiring of a `WiredDNCConfig`, or of its fields."""

    def __init__(self, config: WiredDNCConfig | None = None, **sizes: Any) -> None:
        if config is not None and sizes:
            raise TypeError("WiredDNC takes a config or its fields, not both")
        super().__init__(config or WiredDNCConfig(**sizes))
        if self.config.wiring.activation == "relu":
            self.controller_limit = float("inf")  # its outputs are no gates'

    def build_controller(self, operands: int) -> Any:
        """What hears the input and the last reads, `operands` numbers."""
        config = self.config
        if config.controller == "lstm":
            return super().build_controller(operands)
        activation, below = config.wiring.activation, config.layers_below
        return DenseController(operands, config.controller_size, activation, below)

    def build_interface(self) -> InterfaceLayer:
        """What makes the heads' controls of the controller's output."""
        return InterfaceLayer(self.config, activations_of(self.config))

    def content(self, memory: Tensor, key: Tensor, strength: Tensor, mask: Tensor | None) -> Tensor:
        """C(M, k, β, m), with norms as the wiring holds them off zero."""
        if self.config.wiring.similarity == "added":
            return super().content(memory, key, strength, mask)
        slots, keys = (
            value / torch.sqrt((value * value).sum(-1, keepdim=True).clamp_min(SMALLEST_SQUARE))
            for value in (memory, key)
        )
        return torch.softmax(strength * (keys @ slots.transpose(1, 2)), dim=-1)

    def initial_state(self, batch_size: int, memory_slots: int | None = None) -> DNCState:
        """The state before the first step; see `DNC.initial_state`."""
        state = super().initial_state(batch_size, memory_slots)
        value = self.config.wiring.first_value
        return state._replace(
            memory=torch.full_like(state.memory, value),
            read_weightings=torch.full_like(state.read_weightings, value),
            write_weightings=torch.full_like(state.write_weightings, value),
            reads=torch.full_like(state.reads, value),
        )


def activations_of(config: WiredDNCConfig) -> dict[str, Callable[[Tensor], Tensor]]:
    """Of the parts of the interface vector, by name."""
    found, wiring = dict(ACTIVATIONS), config.wiring
    if wiring.key == "tanh":
        found |= dict.fromkeys(("read_key", "write_key"), torch.tanh)
    if wiring.add == "tanh":
        found["add"] = torch.tanh
    if wiring.strength == "softplus":
        found |= dict.fromkeys(("read_strength", "write_strength"), F.softplus)
    return found
