"""The penalty on writing over what is written: its closed form, and that it changes no answer."""

import torch

from ntm.training.loop import make_model
from ntm.training.rewriting import Rewritten, rewriting
from tests.tiny_training import TINY


def test_it_is_what_changed_times_what_was_held() -> None:
    before, after = torch.zeros(1, 3, 4), torch.zeros(1, 3, 4)
    before[0, 1], after[0, 1] = 0.5, -0.25  # held 0.5, changed by 0.75
    after[0, 2] = 1.0  # nothing was there
    assert rewriting(before, after).item() == 0.375


def test_the_answers_are_those_of_the_model() -> None:
    model = make_model(TINY)
    sequence = torch.rand(7, 2, model.config.input_size)
    rewritten = Rewritten(model)
    assert torch.equal(rewritten(sequence, 9), model.logits(sequence, 9))
    assert rewritten.cost is not None
    assert rewritten.cost.item() > 0
