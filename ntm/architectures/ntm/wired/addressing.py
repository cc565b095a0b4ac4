"""Where a head looks, Eq. 6, 8 and 9 in the ways that `Wiring` names; shapes as in ntm/1's."""

import torch
from torch import Tensor

from ntm.architectures.ntm import addressing
from ntm.architectures.ntm.addressing import Addressing
from ntm.architectures.ntm.wired.wiring import Wiring

OFFSET = 1e-16  # added to key and slots, and to the sum of a weighting
ROOT = 1e-6  # under the root of the product of the squared norms
RAISED = 1e-6  # added to a weighting before it is sharpened


def address(
    wiring: Wiring,
    memory: Tensor,
    told: dict[str, Tensor],
    previous: Tensor,
) -> Addressing:
    """All four stages of H heads (Eq. 5 to 9).

    Args:
        wiring: how
        memory: [B, N, M]
        told: key [B, H, M], key_strength, gate, sharpening [B, H, 1], shift [B, H, S]
        previous: the weightings that the gate keeps [B, H, N]
    """
    similarity = cosine_similarity(wiring, memory, told["key"])
    content = torch.softmax(told["key_strength"] * similarity, dim=-1)
    gated = addressing.interpolate(content, previous, told["gate"])
    shifted = convolve(wiring, gated, told["shift"])
    return Addressing(content, gated, shifted, sharpen(wiring, shifted, told["sharpening"]))


def cosine_similarity(wiring: Wiring, memory: Tensor, key: Tensor) -> Tensor:
    """Cosine of every key with every slot (Eq. 6), [B, N, M] and [B, H, M] to [B, H, N]."""
    if wiring.similarity == "root":
        squares = (key * key).sum(-1, keepdim=True) * (memory * memory).sum(-1).unsqueeze(1)
        return key @ memory.transpose(1, 2) / torch.sqrt(squares + ROOT)
    offset = OFFSET if wiring.similarity == "offset" else 0.0
    return addressing.cosine_similarity(memory + offset, key + offset)


def convolve(wiring: Wiring, gated: Tensor, shift: Tensor) -> Tensor:
    """Eq. 8: around the circle, or with zeros beyond either end."""
    if wiring.convolution == "circular":
        return addressing.convolve(gated, shift)
    reach, slots = shift.shape[-1] // 2, gated.shape[-1]
    padded = torch.nn.functional.pad(gated, (reach, reach))
    moved = [padded[..., 2 * reach - j :][..., :slots] for j in range(2 * reach + 1)]
    return (shift.unsqueeze(-1) * torch.stack(moved, dim=-2)).sum(-2)


def sharpen(wiring: Wiring, shifted: Tensor, sharpening: Tensor) -> Tensor:
    """Eq. 9; an all zero weighting stays so where its sum is held."""
    if wiring.normalisation == "relative":
        return addressing.sharpen(shifted, sharpening)
    if wiring.normalisation == "held":
        powers = shifted**sharpening
        return powers / (powers.sum(-1, keepdim=True) + OFFSET)
    return torch.softmax(sharpening * torch.log(shifted + RAISED), dim=-1)
