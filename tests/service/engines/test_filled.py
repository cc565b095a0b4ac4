"""Batches with buffers of their own give the bits of those without; here in the CPU's memory."""

from pathlib import Path

import numpy as np
import pytest

from ntm.repository import VersionFolder
from service.engines import bound
from service.engines.onnx import OnnxEngine
from service.engines.protocol import Kind
from tests.service.bodies import same


@pytest.fixture(scope="module", params=["copy", "wide", "learned"])
def engines(request: pytest.FixtureRequest, repository: Path) -> tuple[OnnxEngine, OnnxEngine]:
    """One without buffers of its own, one with them."""
    version = VersionFolder(repository / request.param / "1")
    return OnnxEngine(version, "cpu", 1), OnnxEngine(version, "cpu", 1, bind=True)


@pytest.mark.parametrize("kind", ["predict", "inspect"])
@pytest.mark.parametrize("rows", [1, 2, 8, 9, 32, 33])
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
    plain, buffered = given
    assert plain.keys() == buffered.keys()
    for name, value in plain.items():
        assert same(buffered[name], value), name


def test_what_a_run_gave_is_not_changed_by_the_next(engines: tuple[OnnxEngine, OnnxEngine]) -> None:
    _, engine = engines
    state = engine.initial_state(engine.signature.memory_slots)
    x = np.ones((1, 1, engine.signature.input_size), np.float32)
    first, _ = engine.run("predict", x, state)
    kept = {name: value.copy() for name, value in first.items()}
    engine.run("predict", -x, state)
    for name, value in kept.items():
        assert same(first[name], value), name


def test_only_what_fits_is_bound(engines: tuple[OnnxEngine, OnnxEngine]) -> None:
    plain, engine = engines
    own = engine.signature.memory_slots
    assert engine._binds("predict", 32, own)
    assert not engine._binds("predict", 33, own)
    assert not engine._binds("predict", 1, own + 1)
    assert not engine._binds("inspect", 1, own)
    assert not plain._binds("predict", 1, own)


@pytest.mark.parametrize(
    ("rows", "bucket"), [(1, 1), (2, 8), (8, 8), (9, 32), (32, 32), (33, None)]
)
def test_the_smallest_bucket_that_fits(rows: int, bucket: int | None) -> None:
    assert bound.bucket_for(rows) == bucket
