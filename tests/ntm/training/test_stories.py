"""Training on whole stories: a batch says what the stories say, a training resumes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ntm.repository import checkpoint
from ntm.tasks import babi
from ntm.tasks.babi.task import Babi
from ntm.training import stories as training
from ntm.training.loop import Interrupted
from ntm.training.recipes import RECIPES, Recipe, Setting, StoryTraining
from ntm.training.run import make_trainer, train_seeds
from ntm.training.stories import StoryTrainer

TINY = RECIPES["babi"].model_copy(
    update={
        "task_fields": {"tasks": [1, 20]},
        "model": {"d": 12, "hops": 2, "ages": 16, "half_relu": True, "encoding": "learned"},
        "learning_rate": 1e-2,
        "batch_size": 6,
        "updates": 40,
        "stories": StoryTraining(questions=60, supervision=0.5),
        "evaluation": (Setting(sizes={"task": 1}, sequences=2),),
    }
)


def test_it_learns() -> None:
    trainer = StoryTrainer(TINY.model_copy(update={"updates": 300}), 1, Path("unused"))
    losses = [trainer.step()[0] for _ in range(150)]
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])
    errors = trainer.progress.task_errors
    assert errors.keys() == {"1", "20"}
    assert max(errors.values()) < 0.7
    assert trainer.progress.sequences == 150 * 6


class Stopped(StoryTrainer):
    """Is asked to stop after 17 updates, as a signal would ask it."""

    def step(self) -> tuple[float, float, float]:
        done = super().step()
        if self.progress.update == 17:
            self._stop.set()
        return done


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole, _ = train_seeds(TINY, "tiny", [1], tmp_path / "whole")
    folder = tmp_path / "cut"
    with pytest.raises(Interrupted):
        Stopped(TINY, 1, folder / "training" / "seed-1").run()
    assert make_trainer(TINY, 1, folder / "training" / "seed-1").progress.update == 17
    cut, _ = train_seeds(TINY, "tiny", [1], folder)
    tensors, same = (checkpoint.read_tensors(v.checkpoint) for v in (whole, cut))
    assert all(torch.equal(value, same[name]) for name, value in tensors.items())
    told = cut.description()
    assert told.task["vocabulary"]["silence"] == 4
    assert told.training["settings"]["stories"]["supervision"] == 0.5


def test_a_batch_tells_ages_answers_and_facts() -> None:
    settings = StoryTraining(questions=1, untold=(6,))
    pool = training.Pool(Babi(tasks=(2,)), settings, 1)
    told = [next(babi.generate(task, np.random.default_rng(3), 1)) for task in (2, 6, 15)]
    numbered = [pool.numbered(t, story) for t, story in zip((2, 6, 15), told, strict=True)]
    rows = np.array([pool.vocabulary.row(text)[:-1] for text in pool.numbers])
    batch = training.batch_of(numbered, torch.from_numpy(rows), 3, settings)
    stories = batch.stories
    for b, story in enumerate(told):
        for q, question in enumerate(story.questions):
            row = stories.rows[stories.questions[b, q]]
            np.testing.assert_array_equal(row, pool.vocabulary.row(question.text)[:-1])
            assert pool.vocabulary.answers[int(batch.answers[b, q])] == question.answer
            ages = stories.ages[b, q].tolist()
            heard = question.position
            assert ages[:heard] == list(range(heard))[::-1]
            assert set(ages[heard:]) <= {-1}
            facts = (-1,) * (3 - len(question.support)) + question.support
            assert tuple(batch.facts[b, q].tolist()) == ((-1, -1, -1) if b == 1 else facts)
        assert set(batch.answers[b, len(story.questions) :].tolist()) <= {-1}
        for s, sentence in enumerate(story.sentences):
            row = stories.rows[stories.sentences[b, s]]
            np.testing.assert_array_equal(row, pool.vocabulary.row(sentence)[:-1])


def test_noise_makes_sentences_older_and_keeps_their_order() -> None:
    settings = StoryTraining(questions=1, noise=1.0)
    pool = training.Pool(Babi(tasks=(1,)), settings, 1)
    story = pool.stories[1][0]
    plain, noisy = (
        training.batch_of([story], pool.table, 2, settings, rng).stories.ages[0, -1]
        for rng in (None, np.random.default_rng(1))
    )
    assert (noisy >= plain).all()
    assert (noisy > plain).any()
    assert (noisy.diff() < 0).all()


def test_what_is_wrong_lately_is_practised_more() -> None:
    trainer = StoryTrainer(TINY, 1, Path("unused"))
    trainer.progress.task_errors = {"1": 0.9, "20": 0.0}
    drawn = [story.task for _ in range(100) for story in trainer.draw_stories()]
    assert 0.8 < np.mean(np.array(drawn) == 1) < 0.98


def test_stories_are_read_with_those_of_their_length() -> None:
    trainer = StoryTrainer(TINY, 1, Path("unused"))
    chosen = trainer.draw_stories()
    parts = training.by_length(chosen)
    assert sorted(map(id, chosen)) == sorted(id(story) for part in parts for story in part)
    assert all(parts)


def test_another_task_has_no_stories() -> None:
    with pytest.raises(ValueError, match="not trained on whole stories"):
        StoryTrainer(Recipe(**RECIPES["copy"].model_dump()), 1, Path("unused"))
