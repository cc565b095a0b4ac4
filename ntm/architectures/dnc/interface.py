"""The DNC's interface vector ξ_t: from the controller's output to what every head emits."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ntm.architectures.dnc.addressing import SMALLEST_MASK, oneplus
from ntm.architectures.dnc.config import DNCConfig, interface_widths


class Interface(NamedTuple):
    """The controls of R read heads and the write head at one step."""

    read_key: Tensor  # k^r [B, R, W]
    read_strength: Tensor  # β^r [B, R, 1], at least 1
    write_key: Tensor  # k^w [B, 1, W]
    write_strength: Tensor  # β^w [B, 1, 1], at least 1
    erase: Tensor  # e [B, 1, W], in [0, 1]
    add: Tensor  # v [B, 1, W], the write vector
    free_gate: Tensor  # f [B, R, 1], in [0, 1]
    allocation_gate: Tensor  # g^a [B, 1, 1], in [0, 1]
    write_gate: Tensor  # g^w [B, 1, 1], in [0, 1]
    read_mode: Tensor  # π [B, R, 3], sums to 1: backward, content, forward
    read_mask: Tensor | None  # [B, R, W], in [0.1, 1]
    write_mask: Tensor | None  # [B, 1, W], in [0.1, 1]
    backward_sharpness: Tensor | None  # [B, R, 1], at least 1
    forward_sharpness: Tensor | None  # [B, R, 1], at least 1


def mask(x: Tensor) -> Tensor:
    """A mask in [0.1, 1]."""
    return torch.sigmoid(x) * (1 - SMALLEST_MASK) + SMALLEST_MASK


def softmax(x: Tensor) -> Tensor:
    """Over the last axis."""
    return torch.softmax(x, dim=-1)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "read_strength": oneplus,
    "write_strength": oneplus,
    "erase": torch.sigmoid,
    "free_gate": torch.sigmoid,
    "allocation_gate": torch.sigmoid,
    "write_gate": torch.sigmoid,
    "read_mode": softmax,
    "read_mask": mask,
    "write_mask": mask,
    "backward_sharpness": oneplus,
    "forward_sharpness": oneplus,
}


class InterfaceLayer(nn.Module):
    """One linear map, normalised where the config says so, in parts as `interface_widths`."""

    def __init__(
        self,
        config: DNCConfig,
        activations: Mapping[str, Callable[[Tensor], Tensor]] = ACTIVATIONS,
    ) -> None:
        """The layer of a model; parts that `activations` leaves out stay as they are."""
        super().__init__()
        self.activations = activations
        self.parts = interface_widths(config)
        size = sum(heads * width for heads, width in self.parts.values())
        self.linear = nn.Linear(config.controller_size, size)
        self.norm = nn.LayerNorm(size) if config.layer_norm else nn.Identity()

    def forward(self, hidden: Tensor) -> Interface:
        """The activated controls for hidden [B, controller_size]."""
        flat = self.norm(self.linear(hidden))
        pieces = flat.split([heads * width for heads, width in self.parts.values()], dim=-1)
        controls: dict[str, Tensor | None] = dict.fromkeys(Interface._fields)
        for (name, shape), piece in zip(self.parts.items(), pieces, strict=True):
            value = piece.unflatten(-1, shape)
            controls[name] = self.activations[name](value) if name in self.activations else value
        return Interface(**controls)  # type: ignore[arg-type]
