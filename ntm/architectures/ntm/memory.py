"""What a head does once it knows where: read (Eq. 2), erase (Eq. 3), add (Eq. 4)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ntm.architectures.ntm.addressing import (
    Addressing,
    content_weighting,
    convolve,
    interpolate,
    sharpen,
)
from ntm.architectures.ntm.signature import INITIAL_VALUE


def read(memory: Tensor, weighting: Tensor) -> Tensor:
    """The weighted sum of slots (Eq. 2).

    Args:
        memory: [B, N, M]
        weighting: [B, R, N]
    Returns:
        read vectors r [B, R, M]
    """
    return weighting @ memory


def erase(memory: Tensor, weighting: Tensor, erase_vector: Tensor) -> Tensor:
    """Every write head scales down what it looks at (Eq. 3).

    Args:
        memory: [B, N, M]
        weighting: [B, W, N]
        erase_vector: e [B, W, M], in [0, 1]
    Returns:
        M~ [B, N, M]
    """
    for head in range(weighting.shape[1]):
        memory = memory * (1 - weighting[:, head, :, None] * erase_vector[:, head, None, :])
    return memory


def add(memory: Tensor, weighting: Tensor, add_vector: Tensor) -> Tensor:
    """Every write head adds its vector to what it looks at (Eq. 4).

    Args:
        memory: M~ [B, N, M], after the erases of all heads
        weighting: [B, W, N]
        add_vector: a [B, W, M]
    Returns:
        M_t [B, N, M]
    """
    if weighting.shape[1] == 1:  # an outer product, several times cheaper than a matrix product
        return memory + weighting.transpose(1, 2) * add_vector
    return memory + weighting.transpose(1, 2) @ add_vector


@dataclass(frozen=True)
class NTMMemory:
    """The memory's operations for N slots x M wide; the matrix itself goes in and comes out."""

    N: int
    M: int

    def initial(self, batch_size: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """The constant memory every sequence starts from, [B, N, M]."""
        return torch.full((batch_size, self.N, self.M), INITIAL_VALUE, dtype=dtype)

    def address(
        self,
        memory: Tensor,
        key: Tensor,
        key_strength: Tensor,
        gate: Tensor,
        shift: Tensor,
        sharpening: Tensor,
        previous: Tensor,
    ) -> Addressing:
        """All four stages for H heads (Eq. 5 to 9).

        Args:
            memory: [B, N, M]
            key: [B, H, M]
            key_strength, gate, sharpening: [B, H, 1]
            shift: [B, H, S]
            previous: the heads' last weightings [B, H, N]
        """
        content = content_weighting(memory, key, key_strength)
        gated = interpolate(content, previous, gate)
        shifted = convolve(gated, shift)
        return Addressing(content, gated, shifted, sharpen(shifted, sharpening))

    def read(self, memory: Tensor, weighting: Tensor) -> Tensor:
        """Eq. 2; see `ntm.architectures.ntm.memory.read`."""
        return read(memory, weighting)

    def write(
        self, memory: Tensor, weighting: Tensor, erase_vector: Tensor, add_vector: Tensor
    ) -> Tensor:
        """Erase, then add (Eq. 3, 4); returns M_t [B, N, M]."""
        return add(erase(memory, weighting, erase_vector), weighting, add_vector)
