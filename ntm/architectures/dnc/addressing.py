"""Where a DNC writes and reads: content, usage and allocation, temporal links (Methods, 2016).

Pure functions of tensors. A weighting has shape [B, H, N]: not negative, its sum at most 1.
"""

import torch
from torch import Tensor

SMALLEST_NORM = 1e-6  # in the cosine's denominator, so that a wiped slot scores 0
SMALLEST_USAGE = 1e-6  # a product over usages of exactly 0 has no gradient
SMALLEST_MASK = 0.1  # a mask of 0 slows convergence (Csordás and Schmidhuber 2019)
SMALLEST_LINK = 1e-6


def oneplus(x: Tensor) -> Tensor:
    """1 + log(1 + e^x): a strength or sharpness of at least 1."""
    return 1 + torch.nn.functional.softplus(x)


def cosine_similarity(memory: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    """Cosine of every key with every slot, both masked where a mask is given.

    Args:
        memory: [B, N, W]
        key: [B, H, W]
        mask: [B, H, W], in [0, 1]
    Returns:
        [B, H, N]
    """
    squares = torch.ones_like(key) if mask is None else mask * mask
    norms = torch.sqrt(squares @ (memory * memory).transpose(1, 2) + SMALLEST_NORM**2)
    masked = key if mask is None else key * mask
    key_norm = torch.sqrt((masked * masked).sum(-1, keepdim=True) + SMALLEST_NORM**2)
    products = (masked if mask is None else masked * mask) @ memory.transpose(1, 2)
    return products / (norms * key_norm + SMALLEST_NORM)


def content_weighting(
    memory: Tensor, key: Tensor, key_strength: Tensor, mask: Tensor | None = None
) -> Tensor:
    """C(M, k, β): the softmax over slots of similarity times strength.

    Args:
        memory: [B, N, W]
        key: [B, H, W]
        key_strength: β [B, H, 1], at least 1
        mask: [B, H, W]
    Returns:
        [B, H, N]
    """
    return torch.softmax(key_strength * cosine_similarity(memory, key, mask), dim=-1)


def retention(free_gate: Tensor, read_weightings: Tensor) -> Tensor:
    """ψ_t: how much of each slot is not freed by the read heads; not below 0 for rounding.

    Args:
        free_gate: f_t [B, R, 1]
        read_weightings: w_{t-1}^r [B, R, N]
    Returns:
        [B, N]
    """
    return torch.prod((1 - free_gate * read_weightings).clamp(min=0), dim=1)


def next_usage(usage: Tensor, write_weighting: Tensor, retained: Tensor) -> Tensor:
    """u_t: used before or written by the last step, and not freed since.

    No gradient flows through the write weighting, as in deepmind/dnc.

    Args:
        usage: u_{t-1} [B, N]
        write_weighting: w_{t-1}^w [B, N]
        retained: ψ_t [B, N]
    Returns:
        [B, N], in [0, 1]
    """
    written = write_weighting.detach()
    return (usage + written - usage * written) * retained


def allocation_weighting(usage: Tensor, levels: int | None = None) -> Tensor:
    """a_t: the freest slot first; of equally free slots, the lowest.

    In the paper the last bit of a usage can decide where the next write goes: the second slot of
    the free list is used by a millionth, the third by a millionth of that, and so on below what any
    type tells apart. With levels, usages within one count as equal.

    Args:
        usage: u_t [B, N]
        levels: between free and used; None orders usages exactly
    Returns:
        [B, N]
    """
    order = usage if levels is None else torch.floor(usage * levels)
    free_list = torch.argsort(order, dim=-1, stable=True)
    held = SMALLEST_USAGE + (1 - SMALLEST_USAGE) * usage
    sorted_usage = held.gather(-1, free_list)
    before = torch.cumprod(sorted_usage, dim=-1).roll(1, dims=-1)
    before = torch.cat((torch.ones_like(before[:, :1]), before[:, 1:]), dim=-1)
    return torch.zeros_like(usage).scatter(-1, free_list, (1 - sorted_usage) * before)


def write_weighting(
    content: Tensor, allocation: Tensor, allocation_gate: Tensor, write_gate: Tensor
) -> Tensor:
    """w_t^w: between content and allocation, and only as far as the write gate is open.

    Args:
        content, allocation: [B, 1, N]
        allocation_gate, write_gate: [B, 1, 1]
    Returns:
        [B, 1, N]
    """
    return write_gate * (allocation_gate * allocation + (1 - allocation_gate) * content)


def next_link(link: Tensor, precedence: Tensor, written: Tensor) -> Tensor:
    """L_t: L[i, j] is how much slot i was written right after slot j.

    Args:
        link: L_{t-1} [B, N, N]
        precedence: p_{t-1} [B, N]
        written: w_t^w [B, N]
    Returns:
        [B, N, N], its diagonal 0
    """
    row, column = written.unsqueeze(2), written.unsqueeze(1)
    updated = (1 - row - column) * link + row * precedence.unsqueeze(1)
    apart = 1 - torch.eye(link.shape[-1], dtype=link.dtype, device=link.device)
    return updated * apart


def next_precedence(precedence: Tensor, written: Tensor) -> Tensor:
    """p_t: how much each slot was the last one written.

    Args:
        precedence: p_{t-1} [B, N]
        written: w_t^w [B, N]
    """
    return (1 - written.sum(-1, keepdim=True)) * precedence + written


def follow(link: Tensor, weightings: Tensor) -> tuple[Tensor, Tensor]:
    """Forward f_t = L_t w and backward b_t = L_t^T w of every read head.

    Args:
        link: L_t [B, N, N]
        weightings: w_{t-1}^r [B, R, N]
    Returns:
        forward, backward, each [B, R, N]
    """
    return weightings @ link.transpose(1, 2), weightings @ link


def sharpen_link(followed: Tensor, sharpness: Tensor) -> Tensor:
    """S(d, s): raise to a power relative to the largest and normalise (2019).

    Args:
        followed: [B, R, N]
        sharpness: [B, R, 1], at least 1
    """
    raised = followed.clamp(min=0) + SMALLEST_LINK
    powers = (raised / raised.amax(-1, keepdim=True)) ** sharpness
    return powers / powers.sum(-1, keepdim=True)


def read_weighting(mode: Tensor, ways: tuple[Tensor, ...]) -> Tensor:
    """w_t^r: backward, content and forward, mixed by the read mode; content alone without links.

    Args:
        mode: π_t [B, R, number of ways], sums to 1
        ways: each [B, R, N]
    Returns:
        [B, R, N]
    """
    return (mode.unsqueeze(-1) * torch.stack(ways, dim=2)).sum(2)
