"""The layout of reuse copy, which outsiders write by hand."""

import numpy as np
import pytest

from ntm.tasks import Phase, ReuseCopy


def round_by_hand(vectors: np.ndarray) -> list[list[float]]:
    """One round [2L + 2, 8] as somebody writes it who has only read the description."""
    start, end = [0] * 6 + [1, 0], [0] * 6 + [0, 1]
    return [start, *([*row, 0, 0] for row in vectors), end, *([[0] * 8] * len(vectors))]


def test_every_sub_sequence_is_heard_and_then_said() -> None:
    episode = ReuseCopy().sample(np.random.default_rng(3), 2, sub_sequences=3, length=5)
    assert episode.inputs.shape == (36, 2, 8)
    for b in range(2):
        rounds = episode.targets[:, b].reshape(3, 12, 6)
        assert np.isnan(rounds[:, :7]).all()
        said = rounds[:, 7:]
        by_hand = [row for vectors in said for row in round_by_hand(vectors)]
        assert np.array_equal(episode.inputs[:, b], np.array(by_hand, np.float32))
        assert not np.array_equal(said[0], said[1])


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_the_phases_are_told_by_the_markers(rounds: int) -> None:
    task = ReuseCopy()
    episode = task.sample(np.random.default_rng(1), 1, sub_sequences=rounds, length=2)
    alone = episode.inputs[:, 0]
    assert episode.phases == task.phases(alone)
    assert episode.phases[:2] == (Phase("present", 0, 4), Phase("answer", 4, 6))
    assert task.phases(alone[:5]) == (Phase("present", 0, 4), Phase("answer", 4, 5))
    assert task.phases(alone[1:]) == ()
    assert task.heard(alone[:6]) == {4: 1, 5: 2}
    assert len(task.heard(alone)) == 2 * rounds


def test_a_round_that_has_only_begun_is_one_that_presents() -> None:
    task = ReuseCopy()
    inputs = task.sample(np.random.default_rng(1), 1, sub_sequences=2, length=2).inputs[:, 0]
    assert task.phases(inputs[:8])[-1] == Phase("present", 6, 8)


def test_training_draws_up_to_as_many_sub_sequences_as_its_level() -> None:
    task, rng = ReuseCopy(max_length=3), np.random.default_rng(0)
    drawn = [task.training_sizes(rng, 2) for _ in range(200)]
    assert {sizes["sub_sequences"] for sizes in drawn} == {1, 2}
    assert {sizes["length"] for sizes in drawn} == {1, 2, 3}


def test_lengths_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="min_length must be at most max_length=4, got 5"):
        ReuseCopy(min_length=5, max_length=4)
