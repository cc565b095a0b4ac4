"""Two runs: how far apart, and where they part."""

import numpy as np
import pytest

from ntm.insight import difference
from ntm.insight.difference import Comparison
from tests.ntm.insight.runs import Run, random_run


def pair() -> tuple[Run, Run]:
    """Two runs that are the same until step 4, and their outputs until step 6."""
    left = {**random_run(), "outputs": np.tile([0.9, 0.1], (9, 1))}
    right = {name: value.copy() for name, value in left.items()}
    right["writes.add"][4, 1, 0] += 0.5
    right["writes.add"][7, 0, 2] -= 2
    right["read_weightings"][5, 0, 3] += 0.25
    right["outputs"][6] = [0.4, 0.2]
    right["outputs"][7] = [0.4, 0.6]
    return left, right


def test_the_largest_and_the_mean_difference_of_every_stage() -> None:
    left, right = pair()
    told = {stage.stage: stage for stage in difference(left, right).stages}
    for name in left:
        apart = np.abs(left[name] - right[name])
        assert told[name].maximum == pytest.approx(apart.max())
        assert told[name].mean == pytest.approx(apart.mean())
    assert told["writes.add"].maximum_step == 7
    assert told["writes.add"].first_step == 4
    assert told["memory"].first_step is told["memory"].maximum_step is None


def test_where_they_part_and_which_bits_change() -> None:
    told = difference(*pair())
    assert (told.first_step, told.first_stages) == (4, ("writes.add",))
    assert (told.changed_bits, told.changed_steps) == (3, [(6, 8)])


def test_what_parts_together_is_told_in_the_order_of_computation() -> None:
    left, right = pair()
    for name in ("reads", "memory", "write_weightings", "outputs"):
        right[name][2] += 1
    assert difference(left, right).first_stages == (
        "memory",
        "write_weightings",
        "reads",
        "outputs",
    )


def test_the_tolerance_is_what_counts_as_the_same() -> None:
    told = {s.stage: s.first_step for s in difference(*pair(), tolerance=0.5).stages}
    assert told["writes.add"] == 7
    assert told["read_weightings"] is None


def test_a_run_is_no_different_from_itself() -> None:
    run = pair()[0]
    told = difference(run, run)
    assert told.first_step is None
    assert told.first_stages == ()
    assert told.changed_bits == 0
    assert {(stage.maximum, stage.mean) for stage in told.stages} == {(0, 0)}


def test_runs_of_two_lengths_are_compared_where_both_are() -> None:
    left, right = pair()
    short = {name: value[:5] for name, value in right.items()}
    told = difference(left, short)
    assert told.steps == 5
    assert told.first_step == 4
    assert told.changed_bits == 0


def test_stretches_give_what_the_whole_gives() -> None:
    left, right = pair()
    comparison = Comparison()
    for start, stop in ((0, 4), (4, 5), (5, 9)):
        comparison.add(*({n: v[start:stop] for n, v in run.items()} for run in (left, right)))
    told, whole = comparison.finish(), difference(left, right)
    assert (told.first_step, told.changed_steps) == (whole.first_step, whole.changed_steps)
    for ours, theirs in zip(told.stages, whole.stages, strict=True):
        assert vars(ours) == pytest.approx(vars(theirs))


def test_other_shapes_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="read_weightings should have one shape"):
        difference(
            {"read_weightings": np.zeros((3, 1, 4))}, {"read_weightings": np.zeros((3, 1, 5))}
        )
