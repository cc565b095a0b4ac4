from fractions import Fraction

import numpy as np
import pytest

from ntm.tasks import DynamicNgrams


def column(*bits):
    return np.array(bits, dtype=np.float32)[:, None]


def test_a_step_hears_a_bit_and_answers_for_the_next():
    episode = DynamicNgrams(context=2).episode(column(1, 0, 0, 1, 1))
    np.testing.assert_array_equal(episode.inputs[:, 0, 0], [1, 0, 0, 1])
    np.testing.assert_array_equal(episode.targets[:, 0, 0], [np.nan, 0, 1, 1])
    assert [(p.name, p.start, p.stop) for p in episode.phases] == [
        ("first context", 0, 1),
        ("answer", 1, 4),
    ]


def test_estimator_is_eq_10_by_hand():
    task = DynamicNgrams(context=1)
    estimates = task.estimate(column(1, 1, 0, 1, 1)[:, :, None])[:, 0, 0]
    # after 1: nothing seen; after 1: a 1; after 0: nothing; after 1: a 1 and a 0; then a 1 more
    np.testing.assert_allclose(estimates, [1 / 2, 3 / 4, 1 / 2, 1 / 2, 5 / 8])


def test_contexts_are_kept_apart():
    task = DynamicNgrams(context=2)
    estimates = task.estimate(column(0, 1, 1, 0, 1)[:, :, None])[:, 0, 0]
    # 01 was followed by 1, and the last context is 01 again
    np.testing.assert_allclose(estimates, [1 / 2, 1 / 2, 1 / 2, 1 / 2, 3 / 4])


def test_lowest_error_is_the_code_length_under_a_beta_prior():
    """Eq. 10 step by step gives B(n1 + 1/2, n0 + 1/2) / B(1/2, 1/2) for a constant source."""
    ones = 6
    episode = DynamicNgrams(context=1).episode(np.ones((ones + 1, 1), dtype=np.float32))
    chance = Fraction(1)
    for n in range(ones):
        chance *= Fraction(2 * n + 1, 2 * n + 2)
    expected = -np.log2(float(chance))
    assert DynamicNgrams(context=1).lowest_error(episode) == pytest.approx(expected, rel=1e-6)


def test_error_is_in_bits_and_counts_only_answers():
    task = DynamicNgrams(context=2)
    episode = task.episode(column(1, 0, 0, 1, 1))
    assert task.error(np.full((4, 1, 1), 0.5, np.float32), episode.targets) == pytest.approx(3)
    outputs = np.array([0.9, 0.25, 0.5, 1.0], np.float32)[:, None, None]
    assert task.error(outputs, episode.targets) == pytest.approx(np.log2(4 / 3) + 1, abs=1e-5)


def test_certain_and_wrong_costs_much_but_not_infinity():
    task = DynamicNgrams(context=1)
    assert np.isfinite(task.error(np.zeros((1, 1, 1)), np.ones((1, 1, 1)))).all()


def test_no_constant_answer_beats_the_estimator():
    task = DynamicNgrams()
    episode = task.sample(np.random.default_rng(0), 2000)
    assert episode.inputs.shape == (199, 2000, 1)
    best = task.lowest_error(episode)
    assert best.mean() < task.error(np.full_like(episode.inputs, 0.5), episode.targets).mean() - 50
    # 133.3 of the paper's 200 bits, less the 5 fair flips of the first context
    assert best.mean() == pytest.approx(128.3, abs=0.8)


def test_a_context_has_one_chance_throughout_a_sequence():
    """With Beta(1/2, 1/2) the chance that two visits agree is E[p^2 + (1-p)^2] = 3/4."""
    task = DynamicNgrams(context=1)
    bits = task.sample(np.random.default_rng(0), 4000, length=60).inputs[:, :, 0]
    after_ones = [bits[1:, b][bits[:-1, b] == 1][:2] for b in range(4000)]
    agree = np.mean([pair[0] == pair[1] for pair in after_ones if len(pair) == 2])
    assert agree == pytest.approx(0.75, abs=0.03)
