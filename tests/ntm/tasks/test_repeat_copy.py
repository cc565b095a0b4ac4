import numpy as np
import pytest

from ntm import tasks
from ntm.tasks import RepeatCopy


def test_layout_is_the_papers():
    task = RepeatCopy(bits=2, max_repeats=3)
    episode = task.sample(np.random.default_rng(0), 1, length=2, repeats=3)
    inputs, targets = episode.inputs[:, 0], episode.targets[:, 0]
    a, b = inputs[1, :2], inputs[2, :2]
    count = (3 - 2) / np.sqrt(2 / 3)  # 1, 2, 3 have mean 2 and variance 2/3
    heard = [[0, 0, 1, 0], [*a, 0, 0], [*b, 0, 0], [0, 0, 0, count]]
    np.testing.assert_allclose(inputs, heard + [[0, 0, 0, 0]] * 7, rtol=1e-6)
    assert np.isnan(targets[:4]).all()
    np.testing.assert_array_equal(targets[4:], [[*a, 0], [*b, 0]] * 3 + [[0, 0, 1]])
    assert [(p.name, p.start, p.stop) for p in episode.phases] == [
        ("present", 0, 4),
        ("answer", 4, 11),
    ]


def test_counts_have_mean_0_and_variance_1_over_the_training_range():
    counts = [RepeatCopy().normalise(repeats) for repeats in range(1, 11)]
    assert np.mean(counts) == pytest.approx(0)
    assert np.var(counts) == pytest.approx(1)


def test_normalisation_stays_beyond_training():
    step = RepeatCopy().normalise(2) - RepeatCopy().normalise(1)
    assert RepeatCopy().normalise(20) == pytest.approx(RepeatCopy().normalise(10) + 10 * step)


def test_curriculum_has_all_lengths_and_one_more_repeat_a_level():
    task, rng = RepeatCopy(), np.random.default_rng(0)
    assert task.levels == 10
    for level in range(1, 11):
        drawn = [task.training_sizes(rng, level) for _ in range(500)]
        assert {sizes["length"] for sizes in drawn} == set(range(1, 11))
        assert {sizes["repeats"] for sizes in drawn} == set(range(1, level + 1))


@pytest.mark.parametrize("sizes", [{"length": 0}, {"repeats": 0}, {"times": 2}])
def test_wrong_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match=r"has no size|must be from 1 to"):
        RepeatCopy().sample(np.random.default_rng(0), 1, **sizes)


def test_it_can_be_laid_out_with_a_delimiter_before_the_count() -> None:
    task = RepeatCopy(bits=3, layout="delimiter")
    episode = task.sample(np.random.default_rng(0), 2, length=2, repeats=3)
    assert episode.inputs.shape == (2 + 2 + 6 + 1, 2, 5)
    assert episode.inputs[2, :, 3].tolist() == [1, 1]
    assert episode.inputs[3, :, 4].tolist() == pytest.approx([0.3, 0.3])
    assert (episode.targets[4:10, :, :3] == np.tile(episode.inputs[:2, :, :3], (3, 1, 1))).all()
    assert episode.phases == task.phases(episode.inputs[:, 0])
    assert tasks.load(tasks.dump(task)) == task
