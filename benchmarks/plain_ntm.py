"""A Neural Turing Machine as the well-known PyTorch projects write it, for training.py to compare.

Heads with a layer for each parameter, addressing in four functions, epsilons where they have them,
the loop over steps in Python, nothing compiled. The loops over the batch that some of them have are
vectorised.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Memory:
    """The matrix [B, N, M] of one batch."""

    def __init__(self, batch: int, slots: int, width: int) -> None:
        self.content = torch.full((batch, slots, width), 1e-6)

    def address(
        self, key: Tensor, strength: Tensor, gate: Tensor, shift: Tensor, sharp: Tensor, w: Tensor
    ) -> Tensor:
        """A weighting [B, N] from the head's parameters and its last weighting."""
        similar = F.cosine_similarity(self.content + 1e-16, key.unsqueeze(1) + 1e-16, dim=-1)
        content = F.softmax(strength * similar, dim=1)
        gated = gate * content + (1 - gate) * w
        around = torch.stack([gated.roll(offset, dims=1) for offset in (-1, 0, 1)], dim=2)
        shifted = torch.bmm(around, shift.unsqueeze(2)).squeeze(2)
        powered = shifted**sharp
        return powered / (powered.sum(dim=1, keepdim=True) + 1e-16)

    def read(self, w: Tensor) -> Tensor:
        """A vector [B, M]."""
        return torch.bmm(w.unsqueeze(1), self.content).squeeze(1)

    def write(self, w: Tensor, erase: Tensor, add: Tensor) -> None:
        """Erase, then add."""
        erased = self.content * (1 - torch.bmm(w.unsqueeze(2), erase.unsqueeze(1)))
        self.content = erased + torch.bmm(w.unsqueeze(2), add.unsqueeze(1))


class Head(nn.Module):
    """What both kinds of head have."""

    def __init__(self, controller_size: int, width: int) -> None:
        super().__init__()
        self.key = nn.Linear(controller_size, width)
        self.strength = nn.Linear(controller_size, 1)
        self.gate = nn.Linear(controller_size, 1)
        self.shift = nn.Linear(controller_size, 3)
        self.sharp = nn.Linear(controller_size, 1)

    def address(self, hidden: Tensor, memory: Memory, w: Tensor) -> Tensor:
        """Its next weighting [B, N]."""
        return memory.address(
            torch.tanh(self.key(hidden)),
            F.softplus(self.strength(hidden)),
            torch.sigmoid(self.gate(hidden)),
            F.softmax(self.shift(hidden), dim=1),
            1 + F.softplus(self.sharp(hidden)),
            w,
        )


class WriteHead(Head):
    """Erases and adds as well."""

    def __init__(self, controller_size: int, width: int) -> None:
        super().__init__(controller_size, width)
        self.erase = nn.Linear(controller_size, width)
        self.add = nn.Linear(controller_size, width)


class PlainNTM(nn.Module):
    """The reference model: LSTM 100, memory 128 x 20, a read and a write head."""

    def __init__(self, inputs: int, outputs: int, size: int = 100, N: int = 128, M: int = 20):
        super().__init__()
        self.N, self.M = N, M
        self.controller = nn.LSTMCell(inputs + M, size)
        self.reader, self.writer = Head(size, M), WriteHead(size, M)
        self.output = nn.Linear(size + M, outputs)
        self.first_hidden = nn.Parameter(torch.randn(1, size) * 0.05)
        self.first_cell = nn.Parameter(torch.randn(1, size) * 0.05)

    def forward(self, sequence: Tensor) -> Tensor:
        """Logits [T, B, O] of a sequence [T, B, I]."""
        batch = sequence.shape[1]
        memory = Memory(batch, self.N, self.M)
        hidden, cell = (s.expand(batch, -1) for s in (self.first_hidden, self.first_cell))
        read = torch.zeros(batch, self.M)
        looked = written = F.one_hot(torch.zeros(batch, dtype=torch.long), self.N).float()
        answers = []
        for x in sequence:
            hidden, cell = self.controller(torch.cat([x, read], dim=1), (hidden, cell))
            looked = self.reader.address(hidden, memory, looked)
            read = memory.read(looked)
            written = self.writer.address(hidden, memory, written)
            erase, add = torch.sigmoid(self.writer.erase(hidden)), self.writer.add(hidden)
            memory.write(written, erase, add)
            answers.append(self.output(torch.cat([hidden, read], dim=1)))
        return torch.stack(answers)
