"""The DNC's memory matrix: write, with or without wiping what was freed, and read."""

from torch import Tensor


def write(
    memory: Tensor, weighting: Tensor, erase: Tensor, add: Tensor, retained: Tensor | None = None
) -> Tensor:
    """M_t = M_{t-1} ∘ ψ_t 1^T ∘ (E - w e^T) + w v^T; without ψ as in the paper.

    Args:
        memory: M_{t-1} [B, N, W]
        weighting: w_t^w [B, 1, N]
        erase, add: e_t and v_t [B, 1, W]
        retained: ψ_t [B, N], where freeing a slot also wipes it
    Returns:
        [B, N, W]
    """
    column = weighting.transpose(1, 2)
    before = memory if retained is None else memory * retained.unsqueeze(-1)
    return before * (1 - column * erase) + column * add


def read(memory: Tensor, weightings: Tensor) -> Tensor:
    """r_t = M_t^T w_t of every read head: [B, N, W] and [B, R, N] to [B, R, W]."""
    return weightings @ memory
