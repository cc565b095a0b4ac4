"""What it costs to write where something is written already, for tasks that forget nothing.

Without it a copy model may write an item twice, once when it hears it and once a step later, and
what it reads for that item is partly the second write's.
"""

import torch
from torch import Tensor

from ntm.architectures.model import Model


class Rewritten:
    """What `Model.logits` gives, and how much of what was in the memory has been written over."""

    def __init__(self, model: Model, price: float) -> None:
        """`price` is what a loss is charged for it."""
        self._model, self._price = model, price
        self.charge = torch.zeros(())  # for the last batch

    def __call__(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs before their activation; see `Model.logits`."""
        state = self._model.initial_state(sequence.shape[1], memory_slots)
        answers, costs = [], []
        for x in sequence.unbind(0):
            before = state.memory
            answer, state, _ = self._model.step(x, state)
            answers.append(answer)
            costs.append(rewriting(before, state.memory))
        self.charge = self._price * torch.stack(costs).mean()
        return torch.stack(answers)


def rewriting(before: Tensor, after: Tensor) -> Tensor:
    """How much a step changed slots, times how much they held: a mean over the batch.

    Args:
        before, after: M_{t-1} and M_t, [B, N, M]
    """
    changed, held = (after - before).abs().mean(-1), before.abs().mean(-1)
    return (changed * held).sum(-1).mean()
