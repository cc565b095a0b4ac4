"""How many slots a batch is trained with."""

from pathlib import Path

import numpy as np
import pytest

from ntm.tasks import Copy
from ntm.training.loop import Trainer
from ntm.training.recipes import Recipe
from tests.tiny_training import TINY


def drawn(recipe: Recipe, folder: Path) -> set[int | None]:
    trainer = Trainer(recipe, 1, folder)
    return {trainer.draw_slots() for _ in range(60)}


def test_n_is_the_models_own_or_drawn_from_a_range(tmp_path: Path) -> None:
    assert drawn(TINY, tmp_path) == {None}
    assert drawn(TINY.model_copy(update={"memory_slots": (4, 6)}), tmp_path) == {4, 5, 6}


def test_a_batch_is_run_with_the_slots_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(TINY.model_copy(update={"memory_slots": (5, 5)}), 1, tmp_path)
    seen, logits = [], trainer.logits
    monkeypatch.setattr(trainer, "logits", lambda x, n: [seen.append(n), logits(x, n)][1])
    trainer.update(Copy(bits=2, max_length=3).sample(np.random.default_rng(1), 2, length=2))
    assert seen == [5]
