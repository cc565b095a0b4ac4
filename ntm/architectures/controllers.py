"""The network that decides what the heads do: LSTM or feedforward. One step, explicit state."""

import torch
from torch import Tensor, nn


class LSTMController(nn.Module):
    """One LSTM cell; its four gates are one linear map, laid out input, forget, output, cell."""

    state_names = ("hidden", "cell")

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.gates = nn.Linear(input_size + size, 4 * size)
        with torch.no_grad():
            self.gates.bias[size : 2 * size] = 1.0  # remember until told otherwise

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """One step.

        Args:
            x: [B, input_size]
            state: (hidden, cell), each [B, size]
        Returns:
            the new (hidden, cell)
        """
        hidden, cell = state
        gates = self.gates(torch.cat((x, hidden), dim=-1))
        let_in, keep, let_out = torch.sigmoid(gates[:, : 3 * self.size]).chunk(3, dim=-1)
        cell = keep * cell + let_in * torch.tanh(gates[:, 3 * self.size :])
        return let_out * torch.tanh(cell), cell


class FeedforwardController(nn.Module):
    """One hidden tanh layer; it remembers only through the memory."""

    state_names = ()

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.layer = nn.Linear(input_size, size)

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """One step: x [B, input_size] to (hidden,), [B, size]; `state` is empty."""
        return (torch.tanh(self.layer(x)),)


def build(kind: str, input_size: int, size: int) -> LSTMController | FeedforwardController:
    """The controller of the given kind."""
    return (LSTMController if kind == "lstm" else FeedforwardController)(input_size, size)
