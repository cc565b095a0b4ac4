"""The copy task's layout, which outsiders write by hand, and the measure of its errors."""

import numpy as np
import pytest

from ntm import tasks
from ntm.tasks import Copy, Phase, wrong_bits

RNG = np.random.default_rng


def by_hand(vectors: list[list[int]]) -> np.ndarray:
    """The input [2L + 2, 10] as somebody writes it who has only read the description."""
    start = [0] * 8 + [1, 0]
    end = [0] * 8 + [0, 1]
    heard = [[*bits, 0, 0] for bits in vectors]
    return np.array([start, *heard, end, *([[0] * 10] * len(vectors))], dtype=np.float32)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_sequence_is_start_marker_vectors_end_marker_and_silence(length: int) -> None:
    episode = Copy().sample(RNG(5), 3, length=length)
    assert episode.inputs.shape == (2 * length + 2, 3, 10)
    assert episode.targets.shape == (2 * length + 2, 3, 8)
    assert episode.inputs.dtype == episode.targets.dtype == np.float32
    for b in range(3):
        vectors = episode.targets[length + 2 :, b]
        assert np.isin(vectors, (0, 1)).all()
        assert np.array_equal(episode.inputs[:, b], by_hand(vectors.astype(int).tolist()))


def test_the_answer_counts_only_after_the_end_marker() -> None:
    targets = Copy().sample(RNG(1), 2, length=4).targets
    assert np.isnan(targets[:6]).all()
    assert not np.isnan(targets[6:]).any()


def test_the_phases_cover_the_sequence() -> None:
    episode = Copy().sample(RNG(1), 1, length=4)
    assert episode.phases == (Phase("present", 0, 6), Phase("answer", 6, 10))


def test_bits_are_fair_and_the_rows_of_a_batch_differ() -> None:
    episode = Copy().sample(RNG(1), 2, length=1000)
    assert abs(float(np.nanmean(episode.targets)) - 0.5) < 0.02
    assert not np.array_equal(episode.inputs[:, 0], episode.inputs[:, 1])


def test_the_same_seed_draws_the_same_sequence_and_another_seed_another() -> None:
    first, again, other = (Copy().sample(RNG(seed), 2, length=9) for seed in (1, 1, 2))
    assert np.array_equal(first.inputs, again.inputs)
    assert np.array_equal(first.targets, again.targets, equal_nan=True)
    assert not np.array_equal(first.inputs, other.inputs)


def test_training_lengths_cover_the_range_and_nothing_else() -> None:
    task, rng = Copy(min_length=3, max_length=6), RNG(1)
    lengths = {task.training_sizes(rng, 1)["length"] for _ in range(200)}
    assert lengths == {3, 4, 5, 6}


def test_a_length_left_out_is_the_longest_of_training() -> None:
    assert Copy(max_length=4).sample(RNG(1), 1).inputs.shape[0] == 10
    assert Copy().complete({}) == {"length": 20}


def test_other_widths_move_the_markers() -> None:
    task = Copy(bits=3)
    inputs = task.sample(RNG(1), 1, length=2).inputs[:, 0]
    assert (task.input_size, task.output_size) == (5, 3)
    assert inputs[0].tolist() == [0, 0, 0, 1, 0]
    assert inputs[3].tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"length": 0}, "length must be from 1 to 100000, got 0"),
        ({"length": -3}, "length must be from 1 to 100000, got -3"),
        ({"length": 100_001}, "length must be from 1 to 100000, got 100001"),
        ({"length": 2.5}, "length must be a whole number, got 2.5"),
        ({"length": True}, "length must be a whole number, got True"),
        ({"length": "3"}, "length must be a whole number, got '3'"),
        ({"width": 3}, "copy has no size 'width', only length"),
    ],
)
def test_a_bad_size_is_refused_by_name(sizes: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}$"):
        Copy().complete(sizes)
    with pytest.raises(ValueError, match=f"^{told}$"):
        Copy().sample(RNG(1), 1, **sizes)  # type: ignore[arg-type]


@pytest.mark.parametrize("fields", [{"bits": 0}, {"min_length": 5, "max_length": 4}, {"x": 1}])
def test_a_task_that_cannot_be_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"bits|length|x"):
        Copy(**fields)


def test_a_description_makes_the_same_task_again() -> None:
    task = Copy(bits=3, max_length=5)
    assert tasks.dump(task) == {"name": "copy", "bits": 3, "min_length": 1, "max_length": 5}
    assert tasks.load(tasks.dump(task)) == task


def test_an_unknown_task_is_refused_by_name() -> None:
    with pytest.raises(tasks.UnknownTask, match=r"unknown task 'nonsense', expected one of copy"):
        tasks.load({"name": "nonsense"})


@pytest.mark.parametrize("name", [None, ["copy"]])
def test_a_task_without_a_name_is_refused(name: object) -> None:
    with pytest.raises(ValueError, match="a task should have a name") as refused:
        tasks.load({"name": name})
    assert not isinstance(refused.value, tasks.UnknownTask)


def test_the_right_answer_has_no_wrong_bits_and_its_opposite_has_them_all() -> None:
    episode = Copy().sample(RNG(3), 4, length=6)
    answer = np.nan_to_num(episode.targets, nan=0.7)
    assert Copy().error(answer, episode.targets).tolist() == [0.0] * 4
    assert Copy().error(1 - answer, episode.targets).tolist() == [48.0] * 4


def test_wrong_bits_are_counted_for_each_sequence_where_a_target_is_given() -> None:
    nan = float("nan")
    targets = np.array([[[0, 1], [0, 1]], [[nan, 1], [1, nan]]], dtype=np.float32)
    outputs = np.array([[[0.4, 0.6], [0.6, 0.4]], [[0.9, 0.2], [0.9, 0.9]]], dtype=np.float32)
    assert wrong_bits(outputs, targets).tolist() == [1, 2]


def test_an_answer_that_is_no_number_is_wrong() -> None:
    targets = np.array([[[0.0, 1.0]]], dtype=np.float32)
    outputs = np.full((1, 1, 2), np.nan, dtype=np.float32)
    assert wrong_bits(outputs, targets).tolist() == [2]


def test_it_can_be_laid_out_without_a_start_marker() -> None:
    task = Copy(bits=3, start_marker=False, marker_echo=True)
    episode = task.sample(np.random.default_rng(0), 2, length=4)
    assert episode.inputs.shape == (9, 2, 4)
    assert episode.inputs[:, :, 3].any(axis=1).nonzero()[0].tolist() == [4]
    assert np.isnan(episode.targets[:5]).all()
    assert (episode.targets[5:, :, :3] == episode.inputs[:4, :, :3]).all()
    assert (episode.targets[5:, :, 3] == 0).all()
    assert episode.phases == task.phases(episode.inputs[:, 0])
    assert task.heard(episode.inputs[:, 0]) == {5: 0, 6: 1, 7: 2, 8: 3}
    assert tasks.load(tasks.dump(task)) == task
