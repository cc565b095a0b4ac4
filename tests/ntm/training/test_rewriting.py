"""The polish: the price of writing over what is written, by its closed form and what it does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ntm.architectures.ntm.model import NTM
from ntm.training.loop import Trainer, make_model
from ntm.training.recipes import Polish, Recipe
from ntm.training.rewriting import Rewritten, rewriting
from tests.tiny_training import TINY

POLISHED = TINY.model_copy(
    update={"updates": 30, "polish": Polish(updates=300, learning_rate=1e-2, rewriting=3.0)}
)


def test_it_is_what_changed_times_what_was_held() -> None:
    before, after = torch.zeros(1, 3, 4), torch.zeros(1, 3, 4)
    before[0, 1], after[0, 1] = 0.5, -0.25  # held 0.5, changed by 0.75
    after[0, 2] = 1.0  # nothing was there
    assert rewriting(before, after).item() == 0.375


def test_the_answers_are_those_of_the_model() -> None:
    model = make_model(TINY)
    assert isinstance(model, NTM)
    sequence = torch.rand(7, 2, model.config.input_size)
    rewritten, dear = Rewritten(model, 1.0), Rewritten(model, 3.0)
    assert torch.equal(rewritten(sequence, 9), model.logits(sequence, 9))
    dear(sequence, 9)
    assert dear.charge.item() == pytest.approx(3 * rewritten.charge.item())
    assert rewritten.charge.item() > 0


def test_a_polish_teaches_to_write_over_less(tmp_path: Path) -> None:
    def charged(recipe: Recipe, folder: Path) -> float:
        trainer = Trainer(recipe, 1, folder)
        trainer.run()
        assert isinstance(trainer.model, NTM)
        priced = Rewritten(trainer.model, 1.0)
        sizes = {"length": 3}
        priced(torch.from_numpy(trainer.task.sample(np.random.default_rng(5), 8, **sizes).inputs))
        return priced.charge.item()

    before = charged(POLISHED.model_copy(update={"polish": None}), tmp_path / "before")
    assert charged(POLISHED, tmp_path / "after") < before / 2
