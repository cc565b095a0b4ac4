"""Which seed is kept: the one whose reads are its own writes, and then the one that errs least."""

import json
from pathlib import Path

import numpy as np
import pytest

from ntm import seeds
from ntm.architectures.ntm.model import NTM
from ntm.evaluation import card
from ntm.evaluation.measure import measure
from ntm.tasks import Copy, PrioritySort, RepeatCopy
from ntm.training.recipes import OwnWrite, Setting
from ntm.training.run import train_seeds
from ntm.training.selection import SELECTION_SEED, Score, best, own_write
from tests.tiny_training import TINY

SETTING = Setting(sizes={"length": 3}, memory_slots=7, sequences=2)
ASKING = TINY.model_copy(
    update={"updates": 2, "own_write": OwnWrite(share=0.9, settings=(SETTING,))}
)


def given(mean: float, share: float | None) -> Score:
    row = measure(NTM(TINY.make_config()).eval(), TINY.make_task(), SETTING, 1)
    return Score([row.model_copy(update={"mean": mean})], share)


def test_a_seed_that_reads_its_own_writes_goes_before_one_with_fewer_errors() -> None:
    scores = {1: given(0.0, 0.6), 2: given(3.0, 0.97), 3: given(2.0, 0.93), 4: given(0.0, 0.9)}
    assert best(scores, ASKING) == 3
    assert best(scores, TINY) == 1


def test_where_no_seed_reads_its_own_writes_the_fewest_errors_decide() -> None:
    assert best({1: given(2.0, 0.8), 2: given(1.0, -0.1)}, ASKING) == 2


def by_hand(model: NTM, inputs: np.ndarray, item: int) -> float:
    """The share of one write in one read, from the equations: only what later erases left of it."""
    import torch

    with torch.inference_mode():
        record = model.unroll(torch.from_numpy(inputs), memory_slots=7, record="addressing").record
    assert record is not None
    weighting, erase, add = (v[:, 0].double().numpy() for v in (record.weighting, *record[9:11]))
    written, said = 1 + item, 5 + item
    left = np.outer(weighting[written, 1], add[written, 0])
    for step in range(written + 1, said):
        left *= 1 - np.outer(weighting[step, 1], erase[step, 0])
    read = record.reads[said, 0, 0].double().numpy()
    return float(weighting[said, 0] @ left @ read / (read @ read))


def test_the_least_share_is_that_of_the_writes_by_hand() -> None:
    model, task = NTM(TINY.make_config()).eval(), TINY.make_task()
    rng = seeds.generator("selection", SELECTION_SEED)
    drawn = [task.sample(rng, 1, length=3).inputs[:, 0] for _ in range(2)]
    shares = [by_hand(model, inputs, item) for inputs in drawn for item in range(3)]
    assert own_write(model, task, SETTING) == pytest.approx(min(shares), rel=1e-4)
    assert len(set(shares)) == 6


def test_a_copy_tells_when_each_item_was_heard_and_a_sort_does_not() -> None:
    inputs = Copy().sample(np.random.default_rng(1), 1, length=3).inputs[:, 0]
    assert Copy().heard(inputs) == {5: 1, 6: 2, 7: 3}
    assert Copy().heard(inputs[:6]) == {5: 1}
    assert Copy().heard(inputs[:5]) == {}
    assert Copy().heard(inputs[1:]) == {}
    sort = PrioritySort(max_items=4)
    assert sort.heard(sort.sample(np.random.default_rng(1), 1).inputs[:, 0]) == {}


def test_a_task_that_does_not_tell_cannot_be_asked() -> None:
    task = RepeatCopy()
    model = NTM(input_size=task.input_size, output_size=task.output_size, controller_size=4, N=4)
    setting = Setting(sizes={"length": 1, "repeats": 1}, sequences=1)
    with pytest.raises(ValueError, match="repeat-copy does not tell when an item"):
        own_write(model, task, setting)


def test_the_criterion_and_what_every_seed_gave_are_kept_and_told_on_the_card(
    tmp_path: Path,
) -> None:
    saved, scores = train_seeds(ASKING, "tiny", [1, 2], tmp_path)
    told = json.loads(saved.config.read_text())["training"]
    assert told["own_write"]["asked"]["share"] == 0.9
    assert told["own_write"]["least"] == {str(s): each.own_write for s, each in scores.items()}
    assert "own_write" not in told["settings"]
    least = told["own_write"]["least"][str(told["seed"])]
    text = card.training_told(saved.description())
    assert f"owes over 0.9 of itself to that item's write ({least:.3f} or more here)" in text


def test_the_criterion_does_not_change_a_training() -> None:
    assert ASKING.trains_like(ASKING.model_copy(update={"own_write": None}))
