"""A stack of LSTM layers: one step with explicit state, and a whole sequence by PyTorch's own."""

from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ntm.architectures.lstm.config import LSTMConfig
from ntm.architectures.lstm.signature import GATES
from ntm.architectures.model import Model, Pin, detached, unpinned


class LSTMState(NamedTuple):
    """What one step hands to the next."""

    hidden: Tensor  # h_t [B, layers, size]
    cell: Tensor  # c_t [B, layers, size]

    def detach(self) -> Self:
        """The same values without their history, for truncated backpropagation."""
        return detached(self)


class LSTM(Model):
    """An ordinary LSTM, which remembers only in its cells.

    `LSTM(config)` or `LSTM(input_size=..., output_size=..., ...)` with the fields of `LSTMConfig`.
    """

    def __init__(self, config: LSTMConfig | None = None, **sizes: Any) -> None:
        super().__init__()
        if config is not None and sizes:
            raise TypeError("LSTM takes a config or its fields, not both")
        self.config = config = config or LSTMConfig(**sizes)
        self.layers = nn.LSTM(config.input_size, config.size, config.layers)
        self.output = nn.Linear(config.size, config.output_size)

    def initial_state(self, batch_size: int, memory_slots: int | None = None) -> LSTMState:
        """The state before the first step: all of it zero.

        Args:
            batch_size: B
            memory_slots: there are none
        Raises:
            ValueError: slots are asked for
        """
        tensors = self.signature.initial_state(batch_size, memory_slots or 0)
        return self.state_from({name: torch.tensor(value) for name, value in tensors.items()})

    def state_from(self, tensors: dict[str, Tensor]) -> LSTMState:
        """The state with these tensors; the inverse of `named_state`."""
        return LSTMState(*(tensors[name].to(self.output.weight) for name in LSTMState._fields))

    def step(
        self, x: Tensor, state: LSTMState, pin: Pin = unpinned
    ) -> tuple[Tensor, LSTMState, dict[str, Tensor]]:
        """One step; no stage can be pinned. See `Model.step`."""
        told: dict[str, list[Tensor]] = {name: [] for name in (*GATES, "cell", "hidden")}
        below = x
        for layer in range(self.config.layers):
            weights = [getattr(self.layers, f"{name}_l{layer}") for name in _WEIGHTS]
            sums = F.linear(below, weights[0], weights[2])
            sums = sums + F.linear(state.hidden[:, layer], weights[1], weights[3])
            linear = dict(zip(GATES, sums.chunk(4, dim=-1), strict=True))
            gates = {
                name: torch.tanh(value) if name == "candidate" else torch.sigmoid(value)
                for name, value in linear.items()
            }
            cell = gates["forget_gate"] * state.cell[:, layer]
            cell = cell + gates["input_gate"] * gates["candidate"]
            below = gates["output_gate"] * torch.tanh(cell)
            for name, value in (gates | {"cell": cell, "hidden": below}).items():
                told[name].append(value)
        stages = {name: torch.stack(values, dim=1) for name, values in told.items()}
        return self.output(below), LSTMState(stages["hidden"], stages["cell"]), stages

    def advance(self, sequence: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Several steps at once; see `Model.advance`."""
        before = tuple(value.transpose(0, 1).contiguous() for value in state)
        hidden, after = self.layers(sequence, before)
        return self.output(hidden), LSTMState(*(value.transpose(0, 1) for value in after))

    def predict(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs alone for a whole sequence, shapes as for `logits`."""
        if sequence.dim() == 2:
            sequence = sequence.unsqueeze(1)
        return self.activate(self.logits(sequence, memory_slots))


_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
