"""Invariants 1 and 2: a row's bits depend on nothing but the row, and agree with the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm.export.check import eager
from ntm.repository.folders import VersionFolder
from ntm.signature import State
from service.engines import Engine, Kind, Values, open_engine
from tests import small_dnc, small_models
from tests.service.bodies import Float, draw, same

CHOICES = [
    ("onnx", "copy"),
    ("onnx", "odd"),
    ("onnx", "wide"),
    ("native", "copy"),
    ("native", "odd"),
    ("native", "wide"),
    ("torchscript", "copy"),
    ("torchscript", "wide"),
    *((form, name) for form in ("onnx", "torchscript") for name in small_dnc.MODELS),
]


@pytest.fixture(scope="module", params=CHOICES, ids=" ".join)
def engine(request: Any, repository: Path, dncs: Path, compiled: Path) -> Engine:
    """An engine on a model with two, three or four heads."""
    form, name = request.param
    models = dncs if name in small_dnc.MODELS else repository
    return open_engine(VersionFolder(models / name / "1"), form, "cpu", 1, compiled)


def walk(
    engine: Engine, kind: Kind, x: Float, state: State, cuts: list[int]
) -> tuple[Values, State]:
    """All steps of x [T, B, I], cut as told and then as the engine likes it best."""
    parts: list[Values] = []
    position, cuts = 0, list(cuts)
    while position < len(x):
        at_most = min(len(x) - position, cuts.pop(0) if cuts else len(x))
        steps = engine.longest(kind, at_most)
        values, state = engine.run(kind, x[position : position + steps], state)
        parts.append(values)
        position += steps
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, state


def stacked(states: list[State]) -> State:
    """States of one row each as one batch."""
    return {name: np.concatenate([s[name] for s in states]) for name in states[0]}


@dataclass(frozen=True)
class Case:
    """Neighbours of some row, and how the sequence is cut."""

    batch: int
    row: int
    slots: int
    steps: int
    cuts: list[int]
    kinds: tuple[Kind, Kind]
    louder: float


@st.composite
def cases(draw_from: Any) -> Case:
    """Batches of 1 to 33, every N of the list, cuts of every length."""
    batch = draw_from(st.integers(1, 33))
    kind = st.sampled_from(["predict", "inspect"])
    return Case(
        batch=batch,
        row=draw_from(st.integers(0, batch - 1)),
        slots=draw_from(st.sampled_from([1, 2, 5, 37, 128])),
        steps=draw_from(st.integers(1, 24)),
        cuts=draw_from(st.lists(st.integers(1, 16), max_size=12)),
        kinds=(draw_from(kind), draw_from(kind)),
        louder=draw_from(st.sampled_from([0.0, 1.0, 1e4, 1e30])),
    )


@settings(max_examples=25)
@given(case=cases(), seed=st.integers(0, 2**32))
def test_a_row_has_the_same_bits_alone_and_among_neighbours(
    engine: Engine, case: Case, seed: int
) -> None:
    rows = np.random.default_rng(seed).normal(size=(case.steps, case.batch, 6))
    rows[:, : case.row] *= case.louder
    x = rows.astype(np.float32)
    beginning = engine.initial_state(case.slots)
    alone, after_alone = walk(engine, case.kinds[0], x[:, case.row : case.row + 1], beginning, [])
    together, after = walk(engine, case.kinds[1], x, stacked([beginning] * case.batch), case.cuts)
    for name in alone.keys() & together.keys():
        assert same(together[name][:, case.row], alone[name][:, 0]), name
    for name, value in after_alone.items():
        assert same(after[name][case.row], value[0]), name


@settings(max_examples=15)
@given(
    slots=st.sampled_from([1, 2, 5, 37, 128]),
    batch=st.integers(1, 9),
    steps=st.integers(1, 40),
    seed=st.integers(0, 2**32),
)
def test_inspecting_gives_the_bits_of_predicting(
    engine: Engine, slots: int, batch: int, steps: int, seed: int
) -> None:
    x = np.random.default_rng(seed).normal(size=(steps, batch, 6)).astype(np.float32)
    beginning = stacked([engine.initial_state(slots)] * batch)
    predicted, after = walk(engine, "predict", x, beginning, [])
    inspected, after_inspected = walk(engine, "inspect", x, beginning, [])
    heads = engine.signature.weightings(inspected, axis=2)
    assert same(inspected["outputs"], predicted["outputs"])
    assert same(heads["read_weightings"], predicted["read_weightings"])
    assert same(heads["write_weightings"], predicted["write_weightings"])
    assert all(same(after[name], after_inspected[name]) for name in after)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), batch=st.integers(2, 20))
def test_rows_at_different_places_of_their_sequences_do_not_meet(
    engine: Engine, seed: int, batch: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(8, 1, 6)).astype(np.float32)
    beginning = engine.initial_state(16)
    alone, _ = walk(engine, "predict", x, beginning, [])
    others = rng.normal(size=(64, batch, 6)).astype(np.float32)
    warm = walk(engine, "predict", others, stacked([beginning] * batch), [])[1]
    mixed = {name: np.concatenate([warm[name], beginning[name]]) for name in beginning}
    joined = np.concatenate([others[:8], x], axis=1)
    together, _ = walk(engine, "predict", joined, mixed, [])
    assert same(together["outputs"][:, -1], alone["outputs"][:, 0])


def test_a_thousand_steps_agree_with_the_model_on_every_bit(engine: Engine, request: Any) -> None:
    name = request.node.callspec.params["engine"][1]
    model = (small_dnc if name in small_dnc.MODELS else small_models).make(name)
    x = draw(1000, seed=2)[:, None]
    state = engine.initial_state(40)
    expected = eager(model, x, state, {}, "predict")
    given, _ = walk(engine, "predict", x, state, [])
    for tensor in ("outputs", "read_weightings", "write_weightings"):
        np.testing.assert_allclose(given[tensor], expected[tensor], atol=1e-4, err_msg=tensor)
    sure = np.abs(expected["outputs"] - 0.5) > 1e-4
    assert np.array_equal(given["outputs"][sure] > 0.5, expected["outputs"][sure] > 0.5)
    sums = [given[n].sum(axis=-1, dtype=float) for n in ("read_weightings", "write_weightings")]
    most = np.concatenate(sums, axis=2)
    assert most.max() < 1 + 1e-5
    assert name in small_dnc.MODELS or most.min() > 1 - 1e-5


def test_engines_agree_with_each_other(repository: Path, compiled: Path) -> None:
    folder = VersionFolder(repository / "learned" / "1")
    x = draw(50)[:, None]
    given = []
    for form in ("onnx", "torchscript", "native"):
        engine = open_engine(folder, form, "cpu", 1, compiled)
        assert (engine.name, engine.device) == (form, "cpu")
        given.append(walk(engine, "inspect", x, engine.initial_state(7), [])[0])
    for other in given[1:]:
        for name in given[0].keys() & other.keys():
            np.testing.assert_allclose(given[0][name], other[name], atol=1e-4, err_msg=name)


def test_a_learned_memory_starts_as_it_was_learned(repository: Path, compiled: Path) -> None:
    learned = small_models.make("learned").get_parameter("learned_memory").detach().numpy()
    for form in ("onnx", "torchscript", "native"):
        engine = open_engine(VersionFolder(repository / "learned" / "1"), form, "cpu", 1, compiled)
        state = engine.initial_state(7)
        assert same(state["memory"][0], learned)
        assert same(state["reads"][0, 0], learned[0])
        with pytest.raises(ValueError, match="only with memory_slots=7, got 8"):
            engine.initial_state(8)


@pytest.mark.parametrize("kind", ["predict", "inspect"])
def test_rows_that_end_before_their_chunk_get_what_they_get_alone(
    engine: Engine, kind: Kind
) -> None:
    if not engine.ragged:
        pytest.skip("this engine walks all rows of a chunk to its end")
    lengths, slots = np.array([7, 1, 30, 12]), engine.signature.fixed_slots or 16
    x = np.stack([draw(30, seed, engine.signature.input_size) for seed in range(4)], axis=1)
    initial = engine.initial_state(slots)
    together, after = engine.run(kind, x, stacked([initial] * 4), None, lengths)
    for row, steps in enumerate(lengths):
        alone, state = engine.run(kind, x[:steps, row : row + 1], initial)
        assert all(same(alone[name][:, 0], together[name][:steps, row]) for name in alone)
        assert all(same(state[name][0], after[name][row]) for name in state)
