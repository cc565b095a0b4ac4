"""Where a head looks: the four stages of addressing, Eq. 5 to 9 of the paper.

Pure functions of tensors. `H` heads share one call; a weighting has shape [B, H, N].
"""

from typing import NamedTuple

import torch
from torch import Tensor

SMALLEST_NORM = 1e-8
SMALLEST_WEIGHT = 1e-30


class Addressing(NamedTuple):
    """The stages of every head at one step, in the order in which they are computed."""

    content_weighting: Tensor  # w^c [B, H, N]
    gated_weighting: Tensor  # w^g [B, H, N]
    shifted_weighting: Tensor  # w~  [B, H, N]
    weighting: Tensor  # w   [B, H, N]


def at_least(smallest: float, like: Tensor) -> float:
    """A bound above 0 in the tensor's precision too: in float16, 1e-8 is 0."""
    return max(smallest, torch.finfo(like.dtype).tiny)


def cosine_similarity(memory: Tensor, key: Tensor) -> Tensor:
    """Cosine of every key with every slot (Eq. 6); 0 where either is the zero vector.

    Args:
        memory: [B, N, M]
        key: [B, H, M]
    Returns:
        [B, H, N], in [-1, 1]
    """
    smallest = at_least(SMALLEST_NORM, key)
    key_norm = torch.linalg.vector_norm(key, dim=-1, keepdim=True).clamp_min(smallest)
    slot_norm = torch.linalg.vector_norm(memory, dim=-1).clamp_min(smallest)
    similarity: Tensor = (key / key_norm) @ memory.transpose(1, 2) / slot_norm.unsqueeze(1)
    return similarity


def content_weighting(memory: Tensor, key: Tensor, key_strength: Tensor) -> Tensor:
    """Softmax over slots of the similarity times the key strength β (Eq. 5).

    Args:
        memory: [B, N, M]
        key: [B, H, M]
        key_strength: [B, H, 1], at least 0
    Returns:
        w^c [B, H, N]
    """
    return torch.softmax(key_strength * cosine_similarity(memory, key), dim=-1)


def interpolate(content: Tensor, previous: Tensor, gate: Tensor) -> Tensor:
    """Blend the content weighting with the head's last weighting (Eq. 7).

    Args:
        content: w^c [B, H, N]
        previous: w_{t-1} [B, H, N]
        gate: g [B, H, 1], in [0, 1]; 1 takes the content, 0 keeps the last weighting
    Returns:
        w^g [B, H, N]
    """
    return previous + gate * (content - previous)


def convolve(gated: Tensor, shift: Tensor) -> Tensor:
    """Circular convolution with the shift weighting (Eq. 8).

    Args:
        gated: w^g [B, H, N]
        shift: s [B, H, S]; s[..., j] is the weight of a shift by j - S // 2, so that a shift
            of +1 moves the focus from slot i to slot i + 1
    Returns:
        w~ [B, H, N]
    """
    taps = shift.shape[-1]
    rolled = [torch.roll(gated, j - taps // 2, dims=-1) for j in range(taps)]
    return sum(
        (shift[..., j : j + 1] * rolled[j] for j in range(1, taps)), shift[..., :1] * rolled[0]
    )


def sharpen(shifted: Tensor, sharpening: Tensor) -> Tensor:
    """Raise to the power γ and normalise (Eq. 9), as a softmax of γ log w~.

    In that form γ = 100 over a diffuse weighting does not underflow to 0 / 0.

    Args:
        shifted: w~ [B, H, N]
        sharpening: γ [B, H, 1], at least 1
    Returns:
        w [B, H, N]
    """
    return torch.softmax(
        sharpening * torch.log(shifted + at_least(SMALLEST_WEIGHT, shifted)), dim=-1
    )
