"""Findings about attention that was made by hand: each is found where it is, and nowhere else."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ntm.insight import Finding, Thresholds, findings

STEPS = 64
OURS = ("diluted_attention", "fixed_offset", "induction_head")


def found(attention: NDArray[Any], **thresholds: Any) -> dict[str, Finding]:
    """Those about attention of one head [T, N], by slug."""
    tensors = {
        "read_weightings": attention[:, None],
        "addressing.read.query": np.zeros((len(attention), 1, 2)),
    }
    told = findings(tensors, Thresholds(**thresholds), written=None, reads_see="after")
    return {each.slug: each for each in told if each.slug in OURS}


def over_the_last(counts: NDArray[Any]) -> NDArray[Any]:
    """Evenly over so many of the last steps, or as many as there are."""
    rows = np.zeros((STEPS, STEPS))
    for t, count in enumerate(counts):
        first = max(0, t + 1 - int(count))
        rows[t, first : t + 1] = 1 / (t + 1 - first)
    return rows


def looking_at(slots: Any, peak: float = 1.0) -> NDArray[Any]:
    """Focused on one slot a step, the rest spread over all."""
    rows = np.full((STEPS, STEPS), (1 - peak) / (STEPS - 1))
    rows[np.arange(STEPS), slots] = peak
    return rows


def test_attention_over_all_steps_is_diluted_as_they_grow() -> None:
    told = found(over_the_last(np.full(STEPS, STEPS)))
    assert list(told) == ["diluted_attention"]
    dilution = told["diluted_attention"]
    assert dilution.value == pytest.approx(1)
    assert dilution.steps == [(4, STEPS)]  # from the step at which more than 4 are seen
    assert "to the power of 1.00, at steps 4 to 63" in dilution.sentence


def test_the_power_is_measured() -> None:
    root = np.round(2 * np.sqrt(np.arange(1, STEPS + 1)))
    assert not found(over_the_last(root), diluted_growth=0.6)
    told = found(over_the_last(root), diluted_growth=0.4)
    assert told["diluted_attention"].value == pytest.approx(0.5, abs=0.03)
    assert not found(over_the_last(np.full(STEPS, 6)))  # a window of fixed width


@pytest.mark.parametrize(("offset", "words"), [(0, "its own step"), (1, "the last step"),
                                               (4, "the step 4 steps ago")])  # fmt: skip
def test_a_head_that_looks_at_a_fixed_distance_is_told(offset: int, words: str) -> None:
    told = found(looking_at(np.maximum(np.arange(STEPS) - offset, 0), 0.9))
    assert list(told) == ["fixed_offset"]
    assert told["fixed_offset"].value == offset
    assert f"only looks at {words} at steps {offset} to 63" in told["fixed_offset"].sentence


def test_a_head_that_walks_through_what_came_earlier_is_an_induction_head() -> None:
    steps = np.arange(STEPS)
    copying = np.where(steps < 32, steps, steps - 31)  # hears 32 steps, then says them
    told = found(looking_at(copying, 0.9))
    assert list(told) == ["induction_head"]
    assert told["induction_head"].steps == [(32, 64)]
    assert told["induction_head"].value == 32
    assert not found(looking_at(copying, 0.4))  # not focused
    assert not found(looking_at(copying, 0.9), induction_steps=33)
    jumping = np.random.default_rng(0).permutation(STEPS) % np.maximum(steps, 1)
    assert not found(looking_at(jumping, 0.9))


def test_a_run_of_one_step_has_none() -> None:
    assert not found(np.eye(1))
