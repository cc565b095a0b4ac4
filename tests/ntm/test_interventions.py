"""Interventions in the library: what they do, what they leave alone, and which are refused."""

import copy
import json
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm import NTM
from ntm.architectures.model import Unrolled
from ntm.architectures.ntm.model import StepRecord
from ntm.architectures.ntm.signature import signature
from ntm.interventions.edits import bytes_to_resolve, resolve
from ntm.interventions.items import InterventionError, load, parse
from tests import changes, small_models

STEPS, SLOTS = 15, 7
NAMES = sorted(small_models.MODELS)


def draw(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A sequence [T, 1, I]."""
    return torch.randn(STEPS, 1, 6, generator=torch.Generator().manual_seed(1)).to(dtype)


def unroll(model: NTM, interventions: Any = ()) -> Unrolled:
    """A run with every stage."""
    sequence = draw(model.output.weight.dtype)
    with torch.inference_mode():
        return model.unroll(
            sequence, record="addressing", memory_slots=SLOTS, interventions=interventions
        )


def record_of(unrolled: Unrolled) -> StepRecord:
    """The record that was asked for."""
    assert unrolled.record is not None
    return unrolled.record


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_pinning_what_the_model_did_anyway_changes_no_bit(name: str, dtype: torch.dtype) -> None:
    model = copy.deepcopy(small_models.make(name)).to(dtype)
    plain = unroll(model)
    record = {n: v[:, 0].numpy() for n, v in record_of(plain)._asdict().items()}
    items = changes.pin_all(record, draw(dtype)[:, 0].numpy(), signature(model.config))
    pinned = unroll(model, items)
    assert torch.equal(pinned.outputs, plain.outputs)
    assert all(map(torch.equal, record_of(pinned), record_of(plain)))


@pytest.mark.parametrize("name", NAMES)
def test_pins_do_what_changed_parameters_do(name: str) -> None:
    model = small_models.make(name)
    told, width, taps = signature(model.config), model.config.M, model.config.shift_range
    changed = copy.deepcopy(model)
    with torch.no_grad():
        linear, columns = changed.heads.linear, changed.heads.widths(model.config)[0]
        weight = linear.weight[:columns].unflatten(0, (told.heads, -1))
        bias = linear.bias[:columns].unflatten(0, (told.heads, -1))
        weight[:, width + 2 :] = 0
        bias[:, width + 2] = -200.0  # the gate is the sigmoid of this: 0
        bias[:, width + 3 :] = torch.tensor([200.0] + [0.0] * (taps - 1))  # and the shift a softmax
    heads = [f"read.{i}" for i in range(told.read_heads)]
    heads += [f"write.{i}" for i in range(told.write_heads)]
    shift = [1] + [0] * (taps - 1)
    items = [{"steps": ":", "head": h, "set": {"gate": 0, "shift": shift}} for h in heads]
    pinned, expected = unroll(model, items), unroll(changed)
    assert not torch.allclose(pinned.outputs, unroll(model).outputs, atol=1e-3)
    torch.testing.assert_close(pinned.outputs, expected.outputs, atol=1e-6, rtol=0)
    for given_stage, stage in zip(record_of(pinned), record_of(expected), strict=True):
        torch.testing.assert_close(given_stage, stage, atol=1e-5, rtol=0)


def test_an_ablated_write_head_writes_nothing_and_an_ablated_read_head_reads_nothing() -> None:
    model = small_models.make("copy")
    items = [
        {"steps": "4:9", "head": head, "set": {"weighting": "zero"}}
        for head in ("read.0", "write.0")
    ]
    plain, record = record_of(unroll(model)), record_of(unroll(model, items))
    assert (record.reads[4:9] == 0).all()
    assert (record.weighting[4:9] == 0).all()
    assert torch.equal(record.memory[4:10], record.memory[4].expand(6, -1, -1, -1))
    assert not torch.equal(plain.memory[4], plain.memory[9])
    assert all(torch.equal(a[:4], b[:4]) for a, b in zip(record, plain, strict=True)), (
        "steps before are left alone"
    )
    assert torch.isfinite(record.weighting).all()
    sums = record.weighting[9:].sum(dim=-1)
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_a_uniform_head_reads_the_mean_of_memory() -> None:
    model = small_models.make("odd")
    items = [{"steps": 6, "head": "read.1", "set": {"weighting": "uniform"}}]
    record = record_of(unroll(model, items))
    mean = record.memory[6, 0].mean(dim=0)
    torch.testing.assert_close(record.reads[6, 0, 1], mean)
    assert not torch.allclose(record.reads[6, 0, 0], mean, atol=1e-3)


def test_a_head_that_keeps_nothing_goes_on_from_uniform() -> None:
    model = small_models.make("copy")
    items = [
        {"steps": "3:6", "head": "read.0", "set": {"weighting": "zero"}},
        {"steps": "6:", "head": "read.0", "set": {"gate": 0}},
    ]
    record = record_of(unroll(model, items))
    uniform = torch.full((STEPS - 6, SLOTS), 1 / SLOTS)
    torch.testing.assert_close(record.weighting[6:, 0, 0], uniform)


def test_the_memory_that_is_set_is_the_one_that_the_reads_of_its_step_see() -> None:
    model, width = small_models.make("copy"), small_models.MODELS["copy"]["M"]
    row = np.linspace(-1, 1, width)
    items = [
        {"steps": 5, "set": {"memory": 0.5}},
        {"steps": 5, "slot": 3, "set": {"memory": row}},
        {"steps": "8:10", "slot": 2, "set": {"memory": 0}},
        {"steps": 12, "slot": 1, "set": {"memory": row}},
        {"steps": 12, "set": {"memory": np.zeros((SLOTS, width))}},
    ]
    plain, record = record_of(unroll(model)), record_of(unroll(model, items))
    assert torch.equal(record.memory[:5], plain.memory[:5])
    expected = torch.full((SLOTS, width), 0.5)
    expected[3] = torch.from_numpy(row)
    assert torch.equal(record.memory[5, 0], expected)
    seen = record.weighting[5, 0, :1] @ expected
    torch.testing.assert_close(record.reads[5, 0], seen)
    assert (record.memory[8:10, 0, 2] == 0).all()
    assert (record.memory[8:10, 0, :2] != 0).any()
    assert (record.memory[12] == 0).all(), "the later item wins"


def test_an_input_that_is_set_is_the_one_that_the_model_sees() -> None:
    model, sequence = small_models.make("wide"), draw()
    x = [0.5, -1, 0, 2, 1e-3, 7]
    changed = sequence.clone()
    changed[2:4] = torch.tensor(x)
    items = [{"steps": "2:4", "set": {"input": x}}]
    given_outputs = model.unroll(sequence, interventions=items).outputs
    assert torch.equal(given_outputs, model.unroll(changed).outputs)
    assert not torch.equal(sequence, changed)


def test_every_row_of_a_batch_is_changed_and_gradients_pass() -> None:
    model = small_models.make("copy")
    sequence = torch.randn(6, 3, 6)
    items = [
        {"steps": 2, "head": "read.0", "set": {"gate": 0.25, "key": [1, 0, 0, 0, 0, 0]}},
        {"steps": 4, "slot": 0, "set": {"memory": 0}},
    ]
    together = model.unroll(sequence, record="addressing", interventions=items)
    assert (record_of(together).gate[2, :, 0] == 0.25).all()
    for row in range(3):
        alone = model.unroll(sequence[:, row], interventions=items).outputs
        torch.testing.assert_close(together.outputs[:, row : row + 1], alone)
    together.outputs.sum().backward()  # type: ignore[no-untyped-call]
    gradient = model.heads.linear.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


@settings(max_examples=30)
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_whatever_is_changed_stays_finite(data: Any, name: str) -> None:
    model = small_models.make(name)
    items = data.draw(changes.interventions(signature(model.config), STEPS, SLOTS))
    unrolled = unroll(model, items)
    assert torch.isfinite(unrolled.outputs).all()
    assert all(torch.isfinite(stage).all() for stage in record_of(unrolled))
    assert torch.equal(unroll(model, json.loads(json.dumps(items))).outputs, unrolled.outputs)


GATE = {"gate": 0}
READ = {"steps": 1, "head": "read.0"}
WRONG: list[tuple[Any, str]] = [
    ({}, "interventions should be an array, got an object"),
    ("x", "interventions should be an array, got 'x'"),
    ([3], "interventions[0] should be an object with steps and set, got 3"),
    ([{"set": GATE}], "interventions[0].steps is missing"),
    ([{"steps": 1}], "interventions[0].set is missing"),
    ([{"steps": 1, "set": {}}], "interventions[0].set should have one of key, "),
    ([{"steps": 1, "set": {"gates": 0}}], "unknown field 'interventions[0].set.gates', expected"),
    ([{"step": 1, "steps": 1, "set": GATE}], "unknown field 'interventions[0].step', expected one"),
    ([{"steps": 1, "set": GATE}], "interventions[0].head is missing: set.gate is of a head"),
    ([{"steps": [1], "head": "read.0", "set": GATE}], 'interventions[0].steps should be a step'),
    ([{"steps": True, "head": "read.0", "set": GATE}], 'interventions[0].steps should be a step'),
    ([{"steps": 15, "head": "read.0", "set": GATE}], "0 <= a < b <= 15, got '15'"),
    ([{"steps": "5:5", "head": "read.0", "set": GATE}], "0 <= a < b <= 15, got '5:5'"),
    ([{"steps": "5:16", "head": "read.0", "set": GATE}], "got '5:16'"),
    ([{"steps": "-2:3", "head": "read.0", "set": GATE}], "got '-2:3'"),
    ([{"steps": "", "head": "read.0", "set": GATE}], "got ''"),
    ([{"steps": 1, "head": "read.1", "set": GATE}], "be one of read.0, write.0, got 'read.1'"),
    ([{"steps": 1, "head": 0, "set": GATE}], "[0].head should be a valid string, got 0"),
    ([READ | {"set": {"gate": 1.1}}], "set.gate should be less than or equal"),
    ([READ | {"set": {"gate": "0"}}], "set.gate should be a valid number"),
    ([READ | {"set": {"gate": float("nan")}}], "should be a finite number"),
    ([READ | {"set": {"sharpening": 0.9}}], "set.sharpening should be greater"),
    ([READ | {"set": {"key_strength": -1}}], "set.key_strength should be grea"),
    ([READ | {"set": {"key": [0] * 5}}], "set.key should have 6 numbers, got 5"),
    ([READ | {"set": {"key": [0, 0, "a"]}}], "set.key[2] should be a valid num"),
    ([READ | {"set": {"shift": [1, 1, 0]}}], "set.shift should sum to 1, got 2"),
    ([READ | {"set": {"shift": [1]}}], "set.shift should have 3 numbers, got 1"),
    ([READ | {"set": {"shift": [2, -1, 0]}}], "set.shift[0] should be less"),
    ([READ | {"set": {"weighting": "one"}}], 'set.weighting should be "zero"'),
    ([READ | {"set": {"weighting": [1]}}], "should have 7 numbers, got 1"),
    ([READ | {"set": {"weighting": [0.5] * 7}}], "should sum to 1 or be all"),
    ([READ | {"set": {"erase": [0] * 6}}], "head should be a write head"),
    ([READ | {"set": {"memory": 0}}], "head should go with one of key, "),
    ([{"steps": 1, "slot": 7, "set": {"memory": 0}}], "interventions[0].slot should be below 7"),
    ([{"steps": 1, "slot": 0, "set": {"input": [0] * 6}}], "slot should go with memory in set"),
    ([{"steps": 1, "slot": 0, "set": {"memory": [0] * 5}}], "be a number or 6 numbers, got 5"),
    ([{"steps": 1, "set": {"memory": [[0] * 6] * 6}}], "a number or 7 rows of 6 numbers"),
    ([{"steps": 1, "set": {"memory": [0] * 6}}], "a number or 7 rows of 6 numbers"),
    ([{"steps": 1, "set": {"memory": [[0] * 6] * 6 + [[0] * 5]}}], "should be a number or 7 rows"),
    ([{"steps": 1, "set": {"memory": "all"}}], "set.memory should be a number, a row, or one row"),
    ([{"steps": 1, "set": {"input": [0] * 5}}], "set.input should have 6 numbers, got 5"),
    ([{"steps": 1, "set": {"input": [1e31] * 6}}], "set.input should be at most 1e+30 in size"),
]  # fmt: skip


@pytest.mark.parametrize(("items", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_an_intervention_that_does_not_fit_is_named(items: Any, sentence: str) -> None:
    with pytest.raises(InterventionError) as raised:
        unroll(small_models.make("copy"), items)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_item_that_is_wrong_is_the_one_that_is_named() -> None:
    told = small_models.make("copy").signature
    good = {"steps": 1, "head": "read.0", "set": GATE}
    with pytest.raises(InterventionError, match=r"interventions\[2\]\.set\.gate should be"):
        parse([good, good, {**good, "set": {"gate": 3}}], told)
    with pytest.raises(InterventionError, match="at most 10000 items, got 10001"):
        parse([good] * 10_001, told)


def test_a_list_is_read_from_text_or_from_a_file(tmp_path: Path) -> None:
    text = '[{"steps": "20:41", "head": "read.0", "set": {"gate": 0}}]'
    (tmp_path / "pins.json").write_text(text)
    assert load(text) == load(str(tmp_path / "pins.json")) == json.loads(text)
    for wrong in ("[", "nowhere.json", str(tmp_path), "x" * 5000):
        with pytest.raises(InterventionError, match="interventions should be JSON"):
            load(wrong)


EXPENSIVE: dict[str, tuple[int, list[dict[str, Any]]]] = {  # steps and items
    "words": (2, [{"steps": 0, "head": "read.0", "set": {"weighting": "uniform"}}] * 1000),
    "weightings": (2, [{"steps": 0, "head": "read.0", "set": {"weighting": [0.001] * 1000}}] * 20),
    "rows of memory": (2, [{"steps": 0, "slot": 0, "set": {"memory": [0.1] * 6}}] * 1000),
    "whole memories": (2, [{"steps": 0, "set": {"memory": [[0.1] * 6] * 1000}}] * 4),
    "inputs": (2, [{"steps": 0, "set": {"input": [0.1] * 6}}] * 1000),
    "many steps": (
        50_000,
        [
            {"steps": ":", "head": head, "set": {"gate": 0.5, "key_strength": 1.0}}
            for head in ("read.0", "write.0")
        ],
    ),
    "what is refused": (2, [{"steps": 0, "set": {"memory": [[0.1] * 5] * 1000}}] * 4),
}


@pytest.mark.parametrize("name", EXPENSIVE)
def test_it_is_known_before_how_much_they_take(name: str) -> None:
    """With the list itself, and not several times as much."""
    steps, items = EXPENSIVE[name]
    told, text = signature(small_models.make("copy").config), json.dumps(items)
    parse([], told)  # the form is made once
    tracemalloc.start()
    read = json.loads(text)
    with suppress(InterventionError):
        resolve(read, told, steps, 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= bytes_to_resolve(read, told, steps, 1000) <= 4 * peak
