"""Runs that have each oddity, made by hand, and one that has none."""

from collections.abc import Callable

import numpy as np
import pytest

from ntm.insight import Finding, Thresholds, findings
from ntm.insight.examination import Examination
from ntm.insight.findings import definitions, of_memory
from ntm.insight.writes import Fates
from ntm.measures.weightings import effective_slots, mean_cosine, moved, peak_distance
from tests.ntm.insight.runs import Run, complete, tidy_run

SLOTS = 32


def diffuse_focus(run: Run) -> None:
    run["read_weightings"][4:9] = 1 / SLOTS


def frozen_head(run: Run) -> None:
    run["read_weightings"][13:21, 0] = run["read_weightings"][13, 0]


def jumping_head(run: Run) -> None:
    run["write_weightings"][18:20, 0] = np.eye(SLOTS)[[29, 4]]


def saturated_gate(run: Run) -> None:
    run["addressing.write.gate"][2:20] = 0.003


def uniform_content(run: Run) -> None:
    run["addressing.read.content_weighting"][3:8] = 1 / SLOTS
    run["addressing.read.gate"][3:8] = 0.8


def write_never_read(run: Run) -> None:
    run["writes.add"][14:17] = 1


def overwritten_before_read(run: Run) -> None:
    run["write_weightings"][5, 0] = run["write_weightings"][4, 0]
    run["write_weightings"][6, 0] = run["write_weightings"][4, 0]
    run["writes.erase"][5:7] = 0.9
    run["read_weightings"][4:7, 0] = np.eye(SLOTS)[[20, 21, 22]]


def slots_alike(run: Run) -> None:
    run["writes.add"][4:12] = run["writes.add"][4]


def undershoot(run: Run) -> None:
    peaks = run["read_weightings"][7:9, 0].argmax(axis=-1)
    run["addressing.read.shifted_weighting"][7:9, 0] = (np.eye(SLOTS)[peaks] * 7 + 1) / (SLOTS + 7)


SPOILED: dict[Callable[[Run], None], tuple[str | None, float, list[tuple[int, int]]]] = {
    diffuse_focus: ("read.0", SLOTS, [(4, 9)]),
    frozen_head: ("read.0", 7, [(14, 21)]),
    jumping_head: ("write.0", 16, [(18, 21)]),
    saturated_gate: ("write.0", 18 / 24, [(2, 20)]),
    uniform_content: ("read.0", 1, [(3, 8)]),
    write_never_read: ("write.0", 3, [(14, 17)]),
    overwritten_before_read: ("write.0", 2, [(4, 6)]),
    undershoot: ("read.0", 8 / (SLOTS + 7), [(7, 9)]),
}


def spoiled(spoil: Callable[[Run], None]) -> Run:
    """A tidy run made odd."""
    run = tidy_run()
    spoil(run)
    return complete(run, run["memory"][0])


def found(run: Run, slug: str, **thresholds: float) -> list[Finding]:
    """The findings of one kind."""
    told = findings(run, Thresholds(**thresholds))  # type: ignore[arg-type]
    return [finding for finding in told if finding.slug == slug]


def test_a_tidy_run_has_no_findings() -> None:
    assert findings(tidy_run()) == []


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_a_run_that_has_it(spoil: Callable[[Run], None]) -> None:
    head, value, steps = SPOILED[spoil]
    (finding,) = found(spoiled(spoil), spoil.__name__)
    assert (finding.head, finding.steps) == (head, steps)
    assert finding.value == pytest.approx(value)
    assert finding.definition == definitions()[spoil.__name__]
    assert finding.sentence.endswith(".")
    assert finding.thresholds.keys() <= Thresholds.model_fields.keys()


def test_slots_that_grow_alike() -> None:
    run = spoiled(slots_alike)
    (finding,) = found(run, "slots_alike", alike_cosine=0.4)
    cosines = {}
    for t in range(4, 24):
        unit = run["memory"][t][:t] / np.linalg.norm(run["memory"][t][:t], axis=1)[:, None]
        cosines[t] = (unit @ unit.T)[np.triu_indices(t, 1)].mean()
    assert [t for a, b in finding.steps for t in range(a, b)] == [
        t for t, cosine in cosines.items() if cosine > 0.4
    ]
    assert finding.value == pytest.approx(max(cosines.values()))
    assert finding.head is None
    assert found(run, "slots_alike", alike_cosine=0.99) == []
    assert found(tidy_run(), "slots_alike", alike_cosine=0.4) == []


@pytest.mark.parametrize(
    ("spoil", "thresholds"),
    [
        (diffuse_focus, {"diffuse_slots": SLOTS + 1}),
        (diffuse_focus, {"diffuse_steps": 6}),
        (frozen_head, {"frozen_steps": 8}),
        (jumping_head, {"jumping_slots": 12}),
        (jumping_head, {"jumping_times": 4}),
        (saturated_gate, {"saturated_margin": 0.002}),
        (saturated_gate, {"saturated_share": 0.8}),
        (uniform_content, {"uniform_gate": 0.9}),
        (uniform_content, {"uniform_steps": 6}),
        (write_never_read, {"written_add": 2}),
        (overwritten_before_read, {"overwritten_kept": 0.005}),
        (undershoot, {"undershoot_times": 3}),
    ],
)
def test_thresholds_say_from_where_on(
    spoil: Callable[[Run], None], thresholds: dict[str, float]
) -> None:
    assert found(spoiled(spoil), spoil.__name__, **thresholds) == []


def test_a_slot_that_was_read_may_be_erased() -> None:
    run = spoiled(overwritten_before_read)
    run["read_weightings"][5, 0] = run["write_weightings"][4, 0]
    (finding,) = found(run, "overwritten_before_read")
    assert finding.steps == [(5, 6)]


def test_stretches_give_what_the_whole_gives() -> None:
    for spoil in SPOILED:
        run = spoiled(spoil)
        examination = Examination()
        for start, stop in ((0, 5), (5, 6), (6, 19), (19, 24)):
            examination.take({name: value[start:stop] for name, value in run.items()})
        assert examination.finish() == findings(run)


def test_without_weightings_there_is_nothing_to_look_at() -> None:
    run = {name: values for name, values in tidy_run().items() if "weightings" not in name}
    with pytest.raises(ValueError, match="read_weightings or write_weightings, both are missing"):
        findings(run)


def test_of_other_architectures_is_looked_at_what_they_have() -> None:
    run = tidy_run()
    frozen_head(run)
    diffuse_focus(run)
    run = {name: values for name, values in run.items() if not name.startswith("addressing")}
    assert {finding.slug for finding in findings(run)} >= {"frozen_head", "diffuse_focus"}
    alone = {"read_weightings": run["read_weightings"]}
    assert {finding.slug for finding in findings(alone)} == {"frozen_head", "diffuse_focus"}


def test_a_write_may_be_read_by_its_own_step() -> None:
    run = tidy_run()
    run["read_weightings"][:] = run["write_weightings"]
    seen = {finding.slug for finding in findings(run, reads_see="after")}
    assert "write_never_read" not in seen
    assert "write_never_read" in {finding.slug for finding in findings(run)}


def test_rules_about_stages_that_are_missing_do_not_apply() -> None:
    run = tidy_run()
    saturated_gate(run)
    undershoot(run)
    assert {finding.slug for finding in findings(run)} == {"saturated_gate", "undershoot"}
    del run["addressing.read.gate"]
    assert {finding.slug for finding in findings(run)} == {"saturated_gate"}
    del run["addressing.write.gate"]
    assert findings(run) == []


def test_measures() -> None:
    uniform, one_hot = np.full(8, 1 / 8), np.eye(8)
    assert effective_slots(uniform) == pytest.approx(8)
    assert effective_slots(one_hot[3]) == pytest.approx(1)
    assert moved(one_hot[3], one_hot[4]) == 1
    assert moved(uniform, one_hot[0]) == pytest.approx(7 / 8)
    assert peak_distance(one_hot[0], one_hot[7]) == 1
    assert peak_distance(one_hot[1], one_hot[5]) == 4


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    memory = np.random.default_rng(2).normal(size=(6, 4))
    chosen = np.array([True, True, False, True, True, False])
    unit = memory[chosen] / np.linalg.norm(memory[chosen], axis=1)[:, None]
    pairs = (unit @ unit.T)[np.triu_indices(4, 1)]
    assert mean_cosine(memory, chosen) == pytest.approx(pairs.mean())
    assert mean_cosine(memory, np.eye(6)[0] > 0) == 0


def test_a_weighting_that_was_set_is_no_undershoot() -> None:
    def elsewhere(run: Run) -> None:
        run["addressing.read.shifted_weighting"][7:9, 0] = np.eye(SLOTS)[[6, 7]]

    assert found(spoiled(elsewhere), "undershoot") == []


def test_a_head_that_drifts_is_not_frozen() -> None:
    def drift(run: Run) -> None:
        share = np.linspace(0, 1, 21)[:, None]
        one, next_one = np.eye(SLOTS)[[3, 4]]
        run["read_weightings"][2:23, 0] = (1 - share) * one + share * next_one

    (finding,) = found(spoiled(drift), "frozen_head", frozen_moved=0.06)
    assert not any(a <= 13 < b for a, b in finding.steps)  # there its peak goes to the next slot


def test_the_number_of_slots_written_at_first_is_that_of_the_run() -> None:
    alike, written = np.array([0.0, 0.3, 0.9]), np.array([0.0, 7.0, 9.0])
    (finding,) = of_memory(alike, written, Thresholds())
    assert "it was 0.30 when 7 were written" in finding.sentence


def test_a_write_that_is_freed_before_it_is_read_is_told() -> None:
    nobody, slot = np.zeros((4, 1, 3)), np.eye(3)[None, 1:2].repeat(4, axis=0)
    slot[1:] = 0
    erase, add = np.zeros((4, 1, 2)), np.ones((4, 1, 2))
    retention = np.ones((4, 3))
    kept, freed = (Fates(3, Thresholds(), "after") for _ in range(2))
    retention[1, 0] = 0  # of a slot that was not written
    kept.take(nobody, slot, erase, add, retention)
    retention[2, 1] = 0
    freed.take(nobody, slot, erase, add, retention)
    assert [(write.step, at) for write, at in freed.overwritten] == [(0, 2)]
    assert not kept.overwritten
    assert [write.step for write in kept.never_read] == [0]
