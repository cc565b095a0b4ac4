import numpy as np
import pytest

from ntm import tasks


@pytest.mark.parametrize("name", tasks.TASKS)
def test_every_task_keeps_its_word(name):
    task = tasks.TASKS[name]()
    rng = np.random.default_rng(0)
    for level in range(1, task.levels + 1):
        episode = task.sample(rng, 2, **task.training_sizes(rng, level))
        assert episode.inputs.shape[1:] == (2, task.input_size)
        assert episode.targets.shape == (len(episode.inputs), 2, task.output_size)
        assert episode.inputs.dtype == episode.targets.dtype == np.float32
        assert np.isfinite(episode.inputs).all()
        assert np.isfinite(episode.targets[-1]).all()
        starts = [phase.start for phase in episode.phases]
        assert starts == [0] + [phase.stop for phase in episode.phases[:-1]]
        assert episode.phases[-1].stop == len(episode.inputs)


@pytest.mark.parametrize("name", tasks.TASKS)
def test_a_task_survives_its_description(name):
    task = tasks.TASKS[name]()
    assert tasks.load(tasks.dump(task)) == task


@pytest.mark.parametrize("name", tasks.TASKS)
def test_the_same_seed_gives_the_same_sequences(name):
    task = tasks.TASKS[name]()
    first, again = (task.sample(np.random.default_rng(5), 3) for _ in range(2))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    np.testing.assert_array_equal(first.targets, again.targets)


@pytest.mark.parametrize("name", sorted(set(tasks.TASKS) - {"dynamic-ngrams"}))
def test_the_targets_themselves_have_no_error(name):
    task = tasks.TASKS[name]()
    episode = task.sample(np.random.default_rng(0), 3)
    assert not task.error(np.nan_to_num(episode.targets), episode.targets).any()
    assert not task.lowest_error(episode).any()
    flipped = 1 - np.nan_to_num(episode.targets)
    answered = np.isfinite(episode.targets).sum(axis=(0, 2))
    if name in ("babi", "graph"):  # one answer of many, whatever the numbers beside it
        answered //= task.output_size
    np.testing.assert_array_equal(task.error(flipped, episode.targets), answered)


def test_wrong_names_are_told():
    with pytest.raises(ValueError, match="unknown task 'juggle', expected one of copy"):
        tasks.load({"name": "juggle"})
