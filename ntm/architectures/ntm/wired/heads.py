"""From what the heads hear to what every head is told, laid out as in ntm/1's `Heads`."""

import torch
from torch import Tensor, nn

from ntm.architectures.ntm.heads import HeadParameters
from ntm.architectures.ntm.wired.activations import ACTIVATIONS
from ntm.architectures.ntm.wired.config import WiredNTMConfig


class WiredHeads(nn.Module):
    """One linear map for all heads; with `erase: one` it has no columns for erase vectors."""

    def __init__(self, config: WiredNTMConfig) -> None:
        super().__init__()
        self.config = config
        self.linear = nn.Linear(config.controller_size, sum(config.head_widths))

    def strengthen_keys(self, bias: float) -> None:
        """Add to the bias of every key strength, so that a fresh model's keys single out slots."""
        config = self.config
        addressing = self.linear.bias.detach()[: config.head_widths[0]]
        addressing.unflatten(0, (config.num_heads, -1))[:, config.M] += bias

    def forward(self, heard: Tensor) -> HeadParameters:
        """The activated parameters for what the heads hear [B, controller_size]."""
        config, wiring = self.config, self.config.wiring
        addressing, erase, add = self.linear(heard).split(config.head_widths, dim=-1)
        addressing = addressing.unflatten(-1, (config.num_heads, -1))
        widths = (config.M, 1, 1, 1, config.shift_columns)
        key, strength, sharpening, gate, shift = addressing.split(widths, -1)
        added = ACTIVATIONS[wiring.add](add).unflatten(-1, (config.num_writes, config.M))
        if wiring.erase == "one":
            erased = torch.ones_like(added)
        else:
            erased = ACTIVATIONS[wiring.erase](erase).unflatten(-1, (config.num_writes, config.M))
        return HeadParameters(
            key=ACTIVATIONS[wiring.key](key),
            key_strength=ACTIVATIONS[wiring.key_strength](strength),
            gate=ACTIVATIONS[wiring.gate](gate),
            shift=ACTIVATIONS[wiring.shift](shift),
            sharpening=1 + ACTIVATIONS[wiring.sharpening](sharpening),
            erase=erased,
            add=added,
        )
