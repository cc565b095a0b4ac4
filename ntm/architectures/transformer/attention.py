"""Attention of one step over the cache, and of a whole sequence over itself. Pure functions."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ntm.architectures.transformer.config import TransformerConfig
from ntm.architectures.transformer.positions import frequencies, slopes, windows

HIDDEN = -1e9  # the score of a step that is not seen: exp of it is 0


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Turn every pair (i, i + width / 2) of a query or key by its step's angles.

    Args:
        x: [..., T, head_width]
        positions: the steps' numbers, [T] or what broadcasts to [..., T]
    """
    angles = positions.double().unsqueeze(-1) * torch.from_numpy(frequencies(x.shape[-1]))
    cosine, sine = (value.to(x) for value in (angles.cos(), angles.sin()))
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), dim=-1)


def biases(config: TransformerConfig, distance: Tensor) -> tuple[Tensor, Tensor]:
    """What the position scheme adds to every head's scores, and which steps a head may see.

    Args:
        config: of the model
        distance: how many steps ago each was, [..., 1, T, N]
    Returns:
        [..., heads, T, N], numbers and flags
    """
    slope, window = (torch.from_numpy(of(config)).to(distance) for of in (slopes, windows))
    return -slope[:, None, None] * distance, distance < window[:, None, None]


def of_step(query: Tensor, keys: Tensor, bias: Tensor, seen: Tensor) -> Tensor:
    """Every head's attention at one step: softmax(q K^T / sqrt(d) + bias) over what it sees.

    Args:
        query: [B, heads, head_width]
        keys: [B, heads, N, head_width]
        bias, seen: [B, heads, N]
    Returns:
        [B, heads, N]; all zero where a head sees nothing
    """
    scores = (keys @ query.unsqueeze(-1)).squeeze(-1) / math.sqrt(query.shape[-1])
    hidden = torch.full_like(scores, HIDDEN)
    return torch.softmax(torch.where(seen, scores + bias, hidden), dim=-1) * seen


def of_sequence(config: TransformerConfig, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """What every head reads at every step of a whole sequence that begins at position 0.

    Args:
        config: of the model
        query, key, value: [B, heads, T, head_width]
    Returns:
        [B, heads, T, head_width]
    """
    steps = torch.arange(query.shape[-2])
    if config.position == "rotary":
        query, key = rotate(query, steps), rotate(key, steps)
    if config.position in ("none", "rotary"):
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    distance = (steps[:, None] - steps).to(query.dtype)
    bias, seen = biases(config, distance)
    mask = bias.masked_fill(~(seen & (distance >= 0)), -math.inf)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
