"""How many slots a batch is trained with."""

from pathlib import Path

import numpy as np
import pytest

from ntm.recipes import Recipe
from ntm.tasks import Copy, RepeatCopy
from ntm.training.loop import Trainer
from tests.tiny_training import TINY


def drawn(recipe: Recipe, folder: Path, length: int) -> set[int | None]:
    trainer = Trainer(recipe, 1, folder)
    episode = trainer.task.sample(np.random.default_rng(1), 2, length=length)
    return {trainer.draw_slots(episode) for _ in range(60)}


def test_n_is_the_models_own_or_drawn_from_a_range_or_counted_from_the_items(
    tmp_path: Path,
) -> None:
    assert drawn(TINY, tmp_path, 3) == {None}
    assert drawn(TINY.model_copy(update={"memory_slots": (4, 6)}), tmp_path, 3) == {4, 5, 6}
    few = TINY.model_copy(update={"spare_slots": (1, 3)})
    assert drawn(few, tmp_path, 3) == {4, 5, 6}
    assert drawn(few, tmp_path, 1) == {2, 3, 4}


def test_items_that_a_task_does_not_tell_cannot_be_counted(tmp_path: Path) -> None:
    recipe = TINY.model_copy(
        update={"task": "repeat-copy", "task_fields": {}, "spare_slots": (1, 3)}
    )
    trainer = Trainer(recipe, 1, tmp_path)
    episode = RepeatCopy().sample(np.random.default_rng(1), 1, length=1, repeats=1)
    with pytest.raises(ValueError, match="repeat-copy does not tell its items"):
        trainer.draw_slots(episode)


def test_a_batch_is_run_with_the_slots_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(TINY.model_copy(update={"spare_slots": (2, 2)}), 1, tmp_path)
    seen, logits = [], trainer.logits
    monkeypatch.setattr(trainer, "logits", lambda x, n: [seen.append(n), logits(x, n)][1])
    trainer.update(Copy(bits=2, max_length=3).sample(np.random.default_rng(1), 2, length=2))
    assert seen == [4]


def test_a_recipe_says_one_way_only() -> None:
    with pytest.raises(ValueError, match="memory_slots or spare_slots, not both"):
        Recipe.model_validate(TINY.model_dump() | {"memory_slots": (4, 6), "spare_slots": (1, 3)})
