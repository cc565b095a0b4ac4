"""A read is the sum of its parts, and every part is what a run without the others would read."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ntm.insight import Part, provenance
from ntm.insight.provenance import Backward
from tests.ntm.insight.runs import Run, complete, random_run


def alone(run: Run, source: Part, step: int, head: int) -> NDArray[Any]:
    """What the read gets where nothing else than one source ever reached the memory."""
    add = np.zeros_like(run["writes.add"])
    memory = np.zeros_like(run["memory"][0])
    if source.kind == "write":
        add[source.step, source.head] = run["writes.add"][source.step, source.head]
    else:
        memory = run["memory"][0]
    told = complete({**run, "writes.add": add}, memory)["reads"][step, head]
    return np.asarray(told)


@pytest.mark.parametrize(("reads", "writes"), [(1, 1), (2, 3)])
@pytest.mark.parametrize("step", [0, 1, 8])
def test_the_parts_are_those_of_brute_force(reads: int, writes: int, step: int) -> None:
    run = random_run(reads=reads, writes=writes)
    for head in range(reads):
        told = provenance(run, step, head)
        assert len(told.parts) == 1 + step * writes
        for part in told.parts:
            np.testing.assert_allclose(part.vector, alone(run, part, step, head), atol=1e-12)
        np.testing.assert_allclose(told.read, run["reads"][step, head], atol=1e-12)
        assert told.rest[0] == 0


def test_shares_are_projections_that_sum_to_one_and_rank_the_parts() -> None:
    run = random_run(steps=12)
    told = provenance(run, 11)
    shares = [part.share for part in told.parts]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) < 0
    assert [abs(s) for s in shares] == sorted(map(abs, shares), reverse=True)
    for part in told.parts:
        expected = part.vector @ told.read / (told.read @ told.read)
        assert part.share == pytest.approx(expected)


def test_what_the_limit_leaves_out_is_summed() -> None:
    run = random_run(steps=12)
    every, few = provenance(run, 11), provenance(run, 11, limit=3)
    assert [p.share for p in few.parts] == [p.share for p in every.parts[:3]]
    count, share, vector = few.rest
    assert count == len(every.parts) - 3
    assert share + sum(p.share for p in few.parts) == pytest.approx(1)
    np.testing.assert_allclose(vector + sum(p.vector for p in few.parts), every.read, atol=1e-12)


@pytest.mark.parametrize("step", [0, 1, 7])
def test_a_read_that_sees_its_own_steps_writes(step: int) -> None:
    run = random_run(steps=9)
    read = run["read_weightings"][step, 0] @ run["memory"][step + 1]
    backward = Backward(run["read_weightings"][step, 0], 3, step, reads_see="after")
    backward.back({name: values[: step + 1] for name, values in run.items()})
    told = backward.finish(run["memory"][0], 0, step)
    np.testing.assert_allclose(told.read, read, atol=1e-12)
    own = [part for part in told.parts if part.step == step]
    assert sorted(part.head for part in own if part.head is not None) == [0, 1]
    added = run["write_weightings"][step] * run["read_weightings"][step, 0]
    for part in own:  # nothing is erased between a write and its own step's read
        expected = added[part.head].sum() * run["writes.add"][step, part.head]
        np.testing.assert_allclose(part.vector, expected, atol=1e-12)


def test_stretch_after_stretch_gives_what_the_whole_gives() -> None:
    run, step = random_run(steps=12), 10
    backward = Backward(run["read_weightings"][step, 1], 3, step)
    for start, stop in ((7, 10), (6, 7), (0, 6)):
        backward.back({name: values[start:stop] for name, values in run.items()})
    told, whole = backward.finish(run["memory"][0], 1, step), provenance(run, step, 1)
    for ours, theirs in zip(told.parts, whole.parts, strict=True):
        assert (ours.kind, ours.step, ours.head) == (theirs.kind, theirs.step, theirs.head)
        np.testing.assert_array_equal(ours.vector, theirs.vector)


@pytest.mark.parametrize("edited", [0, 3, 7])
def test_memory_that_was_set_is_a_part_of_its_own(edited: int) -> None:
    slot, row, step = 2, np.array([3.0, -2.0, 1.0]), 7
    run = random_run()
    run = complete(run, run["memory"][0], {edited: (slot, row)})
    where = np.arange(5)[:, None] == slot
    told = provenance(run, step, edits=lambda t: (where, row[None]) if t == edited else None)
    np.testing.assert_allclose(told.read, run["reads"][step, 0], atol=1e-12)
    (part,) = (part for part in told.parts if part.kind == "intervention")
    assert part.step == edited
    only = complete({**run, "writes.add": 0 * run["writes.add"]}, 0 * run["memory"][0], {})
    only = complete(only, 0 * run["memory"][0], {edited: (slot, row)})
    np.testing.assert_allclose(part.vector, only["reads"][step, 0], atol=1e-12)


def test_an_overwritten_write_has_no_share_and_the_slot_is_told() -> None:
    run = random_run(steps=4, reads=1, writes=1)
    run["write_weightings"][:] = np.eye(5)[[1, 1, 3, 0]][:, None]
    run["read_weightings"][3, 0] = np.eye(5)[1]
    run["writes.erase"][1] = 1
    told = provenance(complete(run, run["memory"][0]), 3)
    assert (told.parts[0].step, told.parts[0].slot) == (1, 1)
    assert told.parts[0].share == pytest.approx(1)
    assert all(part.share == 0 for part in told.parts[1:])


def test_a_read_of_nothing_has_no_shares() -> None:
    run = random_run()
    run["read_weightings"][5] = 0
    run = complete(run, run["memory"][0])
    assert {part.share for part in provenance(run, 5).parts} == {0.0}


@pytest.mark.parametrize(
    ("step", "head", "told"), [(9, 0, "step should be from 0 to 8"), (0, 2, "head"), (-1, 0, "-1")]
)
def test_a_read_that_is_not_there(step: int, head: int, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        provenance(random_run(), step, head)


def test_an_array_that_is_missing_is_named() -> None:
    run = random_run()
    del run["writes.add"]
    with pytest.raises(ValueError, match=r"'writes\.add' is missing"):
        provenance(run, 1)
