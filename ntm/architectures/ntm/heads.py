"""From the controller's output to what every head is told: k, β, g, s, γ, and e, a for writers."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ntm.architectures.ntm.config import NTMConfig


class HeadParameters(NamedTuple):
    """The parameters of H = R + W heads at one step, read heads first."""

    key: Tensor  # k [B, H, M], in [-1, 1]
    key_strength: Tensor  # β [B, H, 1], positive
    gate: Tensor  # g [B, H, 1], in [0, 1]
    shift: Tensor  # s [B, H, S], sums to 1
    sharpening: Tensor  # γ [B, H, 1], at least 1
    erase: Tensor  # e [B, W, M], in [0, 1]
    add: Tensor  # a [B, W, M], in [-1, 1]


class Heads(nn.Module):
    """One linear map for all heads.

    Its outputs are laid out as H times (key M, key strength 1, sharpening 1, gate 1, shift S),
    then the erase vectors W x M, then the add vectors W x M.
    """

    def __init__(self, config: NTMConfig) -> None:
        super().__init__()
        self.config = config
        self.linear = nn.Linear(config.controller_size, sum(self.widths(config)))

    def strengthen_keys(self, bias: float) -> None:
        """Add to the bias of every key strength, so that a fresh model's keys single out slots."""
        config = self.config
        addressing = self.linear.bias.detach()[: self.widths(config)[0]]
        addressing.unflatten(0, (config.num_heads, -1))[:, config.M] += bias

    @staticmethod
    def widths(config: NTMConfig) -> tuple[int, int, int]:
        """Columns for addressing, erase and add."""
        written = config.num_writes * config.M
        return config.num_heads * (config.M + 3 + config.shift_range), written, written

    def forward(self, hidden: Tensor) -> HeadParameters:
        """The activated parameters for hidden [B, controller_size]."""
        config = self.config
        addressing, erase, add = self.linear(hidden).split(self.widths(config), dim=-1)
        addressing = addressing.unflatten(-1, (config.num_heads, -1))
        key, strengths, gate, shift = addressing.split((config.M, 2, 1, config.shift_range), -1)
        key_strength, sharpening = F.softplus(strengths).split(1, dim=-1)
        return HeadParameters(
            key=torch.tanh(key),
            key_strength=key_strength,
            gate=torch.sigmoid(gate),
            shift=torch.softmax(shift, dim=-1),
            sharpening=1 + sharpening,
            erase=torch.sigmoid(erase).unflatten(-1, (config.num_writes, config.M)),
            add=torch.tanh(add).unflatten(-1, (config.num_writes, config.M)),
        )
