"""The recurrence under torch.compile: several steps in one graph, so that less is spent between."""

import shutil

import torch
from torch import Tensor
from torch.nn import functional as F

from ntm.architectures.model import Model

STEPS_AT_ONCE = 5  # twice as fast as single steps; more take longer to compile than they save


def can_compile() -> bool:
    """True where torch.compile finds a C compiler to work with."""
    return any(shutil.which(name) for name in ("cc", "gcc", "clang"))


class CompiledLogits:
    """What `Model.logits` gives, by a compiled graph of `STEPS_AT_ONCE` steps."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._advance = torch.compile(model.advance, dynamic=False)

    def __call__(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs before their activation; see `Model.logits`.

        The sequence is filled up with zeros to whole graphs; what they answer is dropped.
        """
        steps, batch_size, _ = sequence.shape
        sequence = F.pad(sequence, (0, 0, 0, 0, 0, -steps % STEPS_AT_ONCE))
        state = self._model.initial_state(batch_size, memory_slots)
        answers = []
        for piece in sequence.split(STEPS_AT_ONCE):
            logits, state = self._advance(piece, state)
            answers.append(logits)
        return torch.cat(answers)[:steps]
