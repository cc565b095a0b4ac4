import numpy as np
import pytest

from ntm.tasks import PrioritySort


def test_layout_is_the_papers():
    task = PrioritySort(bits=3)
    episode = task.sample(np.random.default_rng(0), 4, items=5, answered=2)
    assert episode.inputs.shape == (5 + 1 + 2, 4, 5)
    assert np.isin(episode.inputs[:5, :, :3], (0, 1)).all()
    assert np.abs(episode.inputs[:5, :, 3]).max() <= 1
    np.testing.assert_array_equal(episode.inputs[5], [[0, 0, 0, 0, 1]] * 4)
    assert not episode.inputs[6:].any()
    assert np.isnan(episode.targets[:6]).all()
    assert [(p.name, p.start, p.stop) for p in episode.phases] == [
        ("present", 0, 6),
        ("answer", 6, 8),
    ]


def test_whole_vectors_come_in_the_order_of_their_priorities():
    episode = PrioritySort().sample(np.random.default_rng(1), 30)
    for b in range(30):
        heard = [(episode.inputs[t, b, 8], tuple(episode.inputs[t, b, :8])) for t in range(20)]
        ordered = [vector for _, vector in sorted(heard, key=lambda h: h[0], reverse=True)]
        said = [tuple(v) for v in episode.targets[21:, b]]
        assert said == ordered[:16]


@pytest.mark.parametrize(("items", "answered"), [(20, 16), (10, 8), (5, 4), (2, 1), (1, 1)])
def test_four_fifths_are_answered_unless_told_otherwise(items, answered):
    assert PrioritySort().complete({"items": items}) == {"items": items, "answered": answered}


def test_cannot_answer_more_than_was_heard():
    with pytest.raises(ValueError, match=r"answered must be at most items \(3\), got 4"):
        PrioritySort().sample(np.random.default_rng(0), 1, items=3, answered=4)


def test_curriculum_grows_to_the_papers_task():
    task, rng = PrioritySort(), np.random.default_rng(0)
    assert task.levels == 19
    drawn = {task.training_sizes(rng, 1)["items"] for _ in range(100)}
    assert drawn == {1, 2}
    drawn = {task.training_sizes(rng, 19)["items"] for _ in range(1000)}
    assert drawn == set(range(10, 21))
    assert task.mastery(19) == 10
