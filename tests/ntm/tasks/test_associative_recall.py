import numpy as np
import pytest

from ntm.tasks import AssociativeRecall


@pytest.fixture
def task() -> AssociativeRecall:
    return AssociativeRecall(bits=2, item_length=1)


def test_layout_is_the_papers(task):
    episode = task.sample(np.random.default_rng(0), 1, items=2)
    inputs, targets = episode.inputs[:, 0], episode.targets[:, 0]
    first, second = inputs[1, :2], inputs[3, :2]
    # with two items only the first can be asked for: the last one has no follower
    expected = np.array(
        [
            [0, 0, 1, 0],
            [*first, 0, 0],
            [0, 0, 1, 0],
            [*second, 0, 0],
            [0, 0, 0, 1],
            [*first, 0, 0],
            [0, 0, 0, 1],
            [0, 0, 0, 0],
        ]
    )
    np.testing.assert_array_equal(inputs, expected)
    assert np.isnan(targets[:-1]).all()
    np.testing.assert_array_equal(targets[-1], second)


def test_answer_is_the_item_that_followed_the_query():
    task = AssociativeRecall()
    episode = task.sample(np.random.default_rng(1), 50, items=6)
    assert episode.inputs.shape == (4 * 6 + 5 + 3, 50, 8)
    asked = set()
    for b in range(50):
        items = [episode.inputs[4 * i + 1 : 4 * i + 4, b, :6] for i in range(6)]
        query = episode.inputs[25:28, b, :6]
        place = next(i for i, item in enumerate(items) if np.array_equal(item, query))
        asked.add(place)
        np.testing.assert_array_equal(episode.targets[-3:, b], items[place + 1])
    assert asked == {0, 1, 2, 3, 4}


def test_phases_cover_the_sequence():
    episode = AssociativeRecall().sample(np.random.default_rng(0), 1, items=3)
    assert [(p.name, p.start, p.stop) for p in episode.phases] == [
        ("items", 0, 12),
        ("query", 12, 17),
        ("answer", 17, 20),
    ]


def test_training_draws_2_to_6_items():
    task, rng = AssociativeRecall(), np.random.default_rng(0)
    assert {task.training_sizes(rng, 1)["items"] for _ in range(200)} == {2, 3, 4, 5, 6}


@pytest.mark.parametrize("items", [1, 10_001])
def test_sizes_out_of_bounds_are_refused(items):
    with pytest.raises(ValueError, match="items must be from 2 to 10000"):
        AssociativeRecall().sample(np.random.default_rng(0), 1, items=items)
