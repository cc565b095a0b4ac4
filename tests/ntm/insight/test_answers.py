"""Where every answer came from: the shares are those of provenance, the head is the right one."""

from typing import Any

import numpy as np
import pytest

from ntm.insight import provenance
from ntm.insight.answers import answered, carrying_head, shares_by_step, sources
from ntm.tasks import Copy, DynamicNgrams, Phase
from tests.ntm.insight.runs import complete, random_run

SLOT, ROW = 2, np.array([3.0, -2.0, 1.0])


@pytest.mark.parametrize("edited", [None, 0, 4, 7])
def test_the_shares_are_those_of_provenance(edited: int | None) -> None:
    run = random_run()
    edits: Any = None
    if edited is not None:
        run = complete(run, run["memory"][0], {edited: (SLOT, ROW)})
        where = np.arange(5)[:, None] == SLOT
        edits = lambda t: (where, ROW[None]) if t == edited else None  # noqa: E731
    steps, head = [7, 3, 8], 1
    found = shares_by_step(run, steps, head, edits=edits)
    for row, step in zip(found, steps, strict=True):
        expected = np.zeros(len(row))
        for part in provenance(run, step, head, edits=edits).parts:
            if part.kind == "write" and part.step is not None:
                expected[part.step] += part.share
        np.testing.assert_allclose(row, expected, atol=1e-9)


def test_a_read_that_sees_its_own_write_has_it_among_the_shares() -> None:
    run = random_run(writes=1)
    after = np.array([*run["memory"][1:], run["memory"][0]])  # as the memory is after every write
    seen = {**run, "memory": after, "reads": run["read_weightings"] @ after}
    found = shares_by_step(seen, [5], 0, reads_see="after")[0]
    parts = provenance(seen, 5, 0, reads_see="after").parts
    expected = {part.step: part.share for part in parts if part.kind == "write"}
    np.testing.assert_allclose(found[1:6], [expected[s] for s in range(1, 6)], atol=1e-9)
    assert found[5] != 0
    assert not found[6:].any()


def test_the_head_that_looks_where_the_item_was_written_carries_the_answer() -> None:
    steps = {6: 1, 7: 2}
    run = {
        "write_weightings": np.eye(8)[[3, 4, 5, 6, 7, 0, 1, 2]][:, None],  # step s into slot s + 3
        "read_weightings": np.full((8, 3, 8), 1 / 8),
    }
    run["read_weightings"][6:, 0] = np.eye(8)[[1, 2]]  # peaked, and nowhere near
    run["read_weightings"][6:, 2] = 0.5 * np.eye(8)[[4, 5]] + 0.5 / 8
    assert carrying_head(run, steps) == 2
    assert carrying_head(run, {6: None, 7: None}) == 0
    assert carrying_head(run, {}) == 0


def test_of_every_answer_focus_and_source_are_told() -> None:
    run = random_run(steps=8, reads=1, writes=1, slots=8)
    run["write_weightings"][:] = np.eye(8)[:, None]
    run["writes.erase"][:] = 1
    run["read_weightings"][6:, 0] = np.eye(8)[[2, 1]]
    head, told = sources(complete(run, 0 * run["memory"][0]), {6: 2, 7: 0})
    assert head == 0
    assert [(s.slot, s.weight, s.step) for s in told] == [(2, 1, 2), (1, 1, 1)]
    assert [s.share for s in told] == pytest.approx([1, 1])
    assert [s.heard for s in told] == pytest.approx([1, 0])


def test_the_steps_that_answer_are_those_of_the_task() -> None:
    inputs = Copy(bits=2).sample(np.random.default_rng(0), 1, length=3).inputs[:, 0]
    assert answered(Copy(bits=2), inputs, ()) == {5: 1, 6: 2, 7: 3}
    phases = (Phase("present", 0, 2), Phase("answer", 2, 9))
    assert answered(None, inputs[:4], phases) == {2: None, 3: None}
    bits = np.zeros((5, 1), np.float32)
    assert answered(DynamicNgrams(), bits, ()) == {}
