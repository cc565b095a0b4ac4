"""What makes of the heads' linear map what every head is told, by the names of `Wiring`."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Activation = Callable[[Tensor], Tensor]


def hard_sigmoid(x: Tensor) -> Tensor:
    """A straight line through 0.5 at 0, clipped to 0..1."""
    return (0.2 * x + 0.5).clamp(0, 1)


def clipped(x: Tensor) -> Tensor:
    """Clipped to 0..1."""
    return x.clamp(0, 1)


def linear(x: Tensor) -> Tensor:
    """As it is."""
    return x


def softmax(x: Tensor) -> Tensor:
    """Over the last axis."""
    return torch.softmax(x, dim=-1)


def softmax_of_relu(x: Tensor) -> Tensor:
    """Over the last axis, nothing of it below that of 0."""
    return torch.softmax(F.relu(x), dim=-1)


def between_shifts(x: Tensor) -> Tensor:
    """One number [..., 1] as a weighting [..., 3] of the shifts by -1, 0 and +1.

    z = 2 σ(x) - 1 moves from slot i + z to slot i, between two whole shifts.
    """
    z = 2 * torch.sigmoid(x) - 1
    return torch.cat((F.relu(z), 1 - z.abs(), F.relu(-z)), dim=-1)


ACTIVATIONS: dict[str, Activation] = {
    "tanh": torch.tanh,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "hard-sigmoid": hard_sigmoid,
    "linear": linear,
    "clipped": clipped,
    "softplus": F.softplus,
    "exp": torch.exp,
    "softmax": softmax,
    "softmax-of-relu": softmax_of_relu,
    "scalar": between_shifts,
}
