"""Batches filled up to one size, in buffers of their own, give the bits of those that are not.

Here in the CPU's memory, where batches of all sizes give the same bits.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from ntm.interventions.pinning import no_pins
from ntm.repository.folders import VersionFolder
from service.engines.filled import ROWS, pieces_of
from service.engines.onnx import OnnxEngine
from service.engines.protocol import Kind
from tests.service.bodies import same


@pytest.fixture(scope="module", params=["copy", "wide", "learned"])
def engines(request: pytest.FixtureRequest, repository: Path) -> tuple[OnnxEngine, OnnxEngine]:
    """One that runs batches as they are, one that fills them up in buffers of its own."""
    version = VersionFolder(repository / request.param / "1")
    return OnnxEngine(version, "cpu", 1), OnnxEngine(version, "cpu", 1, bind=True)


@pytest.mark.parametrize("kind", ["predict", "inspect"])
@pytest.mark.parametrize("rows", [1, 2, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 5])
def test_the_bits_are_the_same(
    engines: tuple[OnnxEngine, OnnxEngine], rows: int, kind: Kind
) -> None:
    given = []
    for engine in engines:
        rng = np.random.default_rng(rows)
        own = engine.initial_state(engine.signature.memory_slots)
        state = {name: value.repeat(rows, axis=0) for name, value in own.items()}
        values = {}
        for chunk in range(3):
            steps = engine.longest(kind, 4 - chunk)
            x = rng.normal(size=(steps, rows, engine.signature.input_size)).astype(np.float32)
            told, state = engine.run(kind, x, state)
            values |= {f"{name} {chunk}": value.copy() for name, value in told.items()}
        given.append(values | state)
    plain, filled = given
    assert plain.keys() == filled.keys()
    for name, value in plain.items():
        assert same(filled[name], value), name


@pytest.mark.parametrize("pinned_rows", [1, ROWS + 3])
def test_pins_for_all_rows_and_for_each(
    engines: tuple[OnnxEngine, OnnxEngine], pinned_rows: int
) -> None:
    rows, given = ROWS + 3, []
    for engine in engines:
        own = engine.initial_state(engine.signature.memory_slots)
        state = {name: value.repeat(rows, axis=0) for name, value in own.items()}
        x = np.ones((4, rows, engine.signature.input_size), np.float32)
        pins = no_pins(engine.signature, 4)
        rng = np.random.default_rng(0)
        pins["pin.gate"] = rng.random((4, pinned_rows, 1, 1), np.float32)
        pins["pinned.gate"] = np.ones((4, pinned_rows, 1, 1), np.bool_)
        given.append(engine.run("inspect", x, state, pins)[0])
    assert np.unique(given[1]["gate"]).size == 4 * pinned_rows
    for name, value in given[0].items():
        assert same(given[1][name], value), name


def test_another_memory_size_than_the_buffers(engines: tuple[OnnxEngine, OnnxEngine]) -> None:
    slots = engines[0].signature.fixed_slots or 21
    x = np.ones((4, 3, engines[0].signature.input_size), np.float32)
    given = []
    for engine in engines:
        own = engine.initial_state(slots)
        state = {name: value.repeat(3, axis=0) for name, value in own.items()}
        given.append(engine.run("predict", x, state)[0])
    for name, value in given[0].items():
        assert same(given[1][name], value), name


def test_what_a_run_gave_is_not_changed_by_the_next(engines: tuple[OnnxEngine, OnnxEngine]) -> None:
    _, engine = engines
    state = engine.initial_state(engine.signature.memory_slots)
    x = np.ones((1, 1, engine.signature.input_size), np.float32)
    first, _ = engine.run("predict", x, state)
    kept = {name: value.copy() for name, value in first.items()}
    engine.run("predict", -x, state)
    for name, value in kept.items():
        assert same(first[name], value), name


def test_every_piece_has_as_many_rows() -> None:
    x = np.arange(2 * (ROWS + 2), dtype=np.float32).reshape(2, ROWS + 2, 1)
    (_, first), (start, second) = pieces_of({"x": x}, ROWS + 2)
    assert start == ROWS
    assert same(first["x"], x[:, :ROWS])
    assert same(second["x"][:, :2], x[:, ROWS:])
    assert same(second["x"][:, 2:], x[:, -1:].repeat(ROWS - 2, axis=1))


@pytest.mark.parametrize("name", ["copy", "wide", "odd", "learned"])
def test_nothing_of_a_recorded_graph_is_left_to_the_cpu(
    repository: Path, tmp_path: Path, name: str
) -> None:
    """CUDA graphs are refused where a node works on shapes; with fixed ones there is none."""
    version = VersionFolder(repository / name / "1")
    slots = OnnxEngine(version, "cpu", 1).signature.memory_slots
    for steps in (1, 4, 16):
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        options.add_free_dimension_override_by_name("batch", ROWS)
        options.add_free_dimension_override_by_name("slots", slots)
        path = version.onnx / f"predict_{steps}.onnx"
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        nodes = onnx.load(tmp_path / "optimised.onnx").graph.node
        assert not {node.op_type for node in nodes} & {"Shape", "Range", "Mod", "Expand", "Size"}
