"""Controllers of fully connected layers with any activation: feedforward or recurrent."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
}


class DenseController(nn.Module):
    """One or more layers, the same activation after each; it remembers only through the memory."""

    state_names = ()

    def __init__(
        self, input_size: int, size: int, activation: str, below: tuple[int, ...] = ()
    ) -> None:
        """`below` are the sizes of the layers between the input and the last one."""
        super().__init__()
        self.activate = ACTIVATIONS[activation]
        sizes = (input_size, *below)
        self.below = nn.ModuleList(
            nn.Linear(before, after) for before, after in zip(sizes, below, strict=False)
        )
        self.layer = nn.Linear(sizes[-1], size)

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """One step: x [B, input_size] to (hidden,), [B, size]; `state` is empty."""
        for layer in self.below:
            x = self.activate(layer(x))
        return (self.activate(self.layer(x)),)


class RecurrentController(nn.Module):
    """One layer that also hears its own last output: h_t = f(W [x_t; h_{t-1}] + b)."""

    state_names = ("hidden",)

    def __init__(self, input_size: int, size: int, activation: str) -> None:
        super().__init__()
        self.activate = ACTIVATIONS[activation]
        self.layer = nn.Linear(input_size + size, size)

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """One step.

        Args:
            x: [B, input_size]
            state: (hidden,), [B, size]
        Returns:
            the new (hidden,)
        """
        return (self.activate(self.layer(torch.cat((x, state[0]), dim=-1))),)
