"""What the paper compares against: an ordinary LSTM, which remembers only in its cells."""

import torch
from torch import Tensor, nn


class LSTM(nn.Module):
    """Three layers of 256 cells, as in the paper's experiments (Table 3)."""

    memory_slots = 0

    def __init__(self, input_size: int, output_size: int, size: int = 256, layers: int = 3) -> None:
        super().__init__()
        self.layers = nn.LSTM(input_size, size, layers)
        self.output = nn.Linear(size, output_size)

    def logits(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs before their activation for a whole sequence.

        Args:
            sequence: [T, B, input_size]
            memory_slots: there are none
        Returns:
            [T, B, output_size]
        """
        hidden, _ = self.layers(sequence)
        logits: Tensor = self.output(hidden)
        return logits

    def predict(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs in [0, 1], shapes as for `logits`."""
        return torch.sigmoid(self.logits(sequence, memory_slots))
