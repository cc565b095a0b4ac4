"""The learning rate's decay and the curriculum, against closed forms."""

import math

import pytest

from ntm.training.recipes import Polish, Recipe
from ntm.training.schedule import (
    WINDOW,
    Progress,
    decay_length,
    finished,
    learning_rate,
    start_decay,
    starts_polish,
    updates_of,
)
from tests.tiny_training import TINY


def recipe(**changes: object) -> Recipe:
    """100 updates from a rate of 1, with the given changes."""
    return TINY.model_copy(update={"updates": 100, "learning_rate": 1.0, **changes})


@pytest.mark.parametrize(
    ("update", "rate"), [(0, 1.0), (25, 0.5 + math.sqrt(0.125)), (50, 0.5), (100, 0.0), (200, 0.0)]
)
def test_the_rate_falls_along_a_cosine(update: int, rate: float) -> None:
    assert learning_rate(Progress(update=update, decay_since=0), recipe()) == pytest.approx(rate)


@pytest.mark.parametrize(("update", "rate"), [(0, 0.1), (4, 0.5), (9, 1.0), (50, 1.0)])
def test_the_rate_rises_as_long_as_it_warms_up(update: int, rate: float) -> None:
    warming = recipe(warm_up=10, decay="none")
    assert learning_rate(Progress(update=update, decay_since=0), warming) == pytest.approx(rate)


def test_the_rate_is_whole_before_the_decay_and_without_one() -> None:
    assert learning_rate(Progress(update=99), recipe()) == 1.0
    assert learning_rate(Progress(update=99, decay_since=0), recipe(decay="none")) == 1.0


def test_a_decay_of_its_own_length_starts_where_the_last_level_was_reached() -> None:
    short = recipe(decay_updates=40)
    assert learning_rate(Progress(update=30, decay_since=10), short) == pytest.approx(0.5)
    assert not finished(Progress(update=49, decay_since=10), short)
    assert finished(Progress(update=50, decay_since=10), short)


def test_a_decay_is_never_longer_than_the_training() -> None:
    assert decay_length(recipe(decay_updates=1000)) == 100
    assert decay_length(recipe(decay_updates=None)) == 100


@pytest.mark.parametrize(
    ("update", "level", "since"), [(5, 3, 5), (59, 2, None), (60, 2, 60), (61, 2, 61)]
)
def test_the_decay_starts_at_the_last_level_or_when_just_enough_updates_are_left(
    update: int, level: int, since: int | None
) -> None:
    progress = Progress(update=update, level=level)
    start_decay(progress, recipe(decay_updates=40), levels=3)
    assert progress.decay_since == since


def test_a_decay_that_has_started_does_not_start_again() -> None:
    progress = Progress(update=70, decay_since=60)
    start_decay(progress, recipe(decay_updates=40), levels=1)
    assert progress.decay_since == 60


def test_all_updates_spent_is_the_end() -> None:
    assert not finished(Progress(update=99), recipe())
    assert finished(Progress(update=100), recipe())


def test_a_polish_follows_at_a_rate_of_its_own() -> None:
    polished = recipe(polish=Polish(updates=10, learning_rate=0.2, rewriting=1.0))
    assert not starts_polish(Progress(update=99, decay_since=0), polished)
    assert starts_polish(Progress(update=100, decay_since=0), polished)
    assert not starts_polish(Progress(update=100, decay_since=0), recipe())
    begun = Progress(update=105, decay_since=0, polish_since=100)
    assert not starts_polish(begun, polished)
    assert learning_rate(begun, polished) == pytest.approx(0.1)
    assert not finished(Progress(update=109, decay_since=0, polish_since=100), polished)
    assert finished(Progress(update=110, decay_since=0, polish_since=100), polished)
    assert updates_of(polished) == 110
    assert updates_of(recipe()) == 100


def observed(*errors: float) -> Progress:
    """A training that has seen these errors, one an update."""
    progress = Progress()
    for error in errors:
        progress.observe(error)
        progress.update += 1
    return progress


def test_the_running_error_is_the_mean_at_first_and_forgets_later() -> None:
    assert observed(4.0, 2.0, 6.0).error == pytest.approx(4.0)
    long_ago = observed(*[8.0] * WINDOW, *[0.0] * (10 * WINDOW))
    assert 0 < long_ago.error < 0.01


def test_a_level_is_left_once_it_is_learnt_and_has_lasted() -> None:
    progress = observed(*[0.5] * (WINDOW - 1))
    progress.climb(mastery=1.0, levels=3)
    assert progress.level == 1, "it has not lasted"
    progress = observed(*[0.5] * WINDOW)
    progress.climb(mastery=0.4, levels=3)
    assert progress.level == 1, "it is not learnt"
    progress.climb(mastery=0.5, levels=3)
    assert (progress.level, progress.level_since) == (2, WINDOW)


def test_a_new_level_starts_its_running_error_afresh() -> None:
    progress = observed(*[0.0] * WINDOW)
    progress.climb(mastery=1.0, levels=2)
    progress.observe(7.0)
    assert progress.error == 7.0


def test_nothing_comes_after_the_last_level() -> None:
    progress = observed(*[0.0] * WINDOW)
    progress.climb(mastery=1.0, levels=1)
    assert progress.level == 1
