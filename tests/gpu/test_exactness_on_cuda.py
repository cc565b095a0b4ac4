"""Invariants 1 and 2 on a GPU: what the CPU's engines are held to, and CUDA graphs with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ntm.repository.folders import VersionFolder
from service.engines import Engine, EngineUnavailable, open_engine
from tests.service.bodies import same
from tests.service.engines import test_exactness
from tests.service.engines.test_exactness import stacked, walk

CHOICES = [
    ("onnx", "copy"),
    ("onnx", "odd"),
    ("onnx", "wide"),
    ("recorded", "copy"),
    ("recorded", "wide"),
    ("torchscript", "copy"),
]


test_a_row_alone_and_among_neighbours = (
    test_exactness.test_a_row_has_the_same_bits_alone_and_among_neighbours
)
test_inspecting_and_predicting = test_exactness.test_inspecting_gives_the_bits_of_predicting
test_rows_at_different_places = (
    test_exactness.test_rows_at_different_places_of_their_sequences_do_not_meet
)
test_a_thousand_steps = test_exactness.test_a_thousand_steps_agree_with_the_model_on_every_bit


@pytest.fixture(scope="module", params=CHOICES, ids=" ".join)
def engine(request: Any, repository: Path) -> Engine:
    """An engine on CUDA."""
    form, name = request.param
    version = VersionFolder(repository / name / "1")
    try:
        if form == "recorded":
            return open_engine(version, "onnx", "cuda", 1, cuda_graphs=True)
        return open_engine(version, form, "cuda", 1)
    except EngineUnavailable as error:
        pytest.skip(str(error))


def test_memory_replayed_on_the_cpu_has_the_bits_of_the_one_on_cuda(engine: Engine) -> None:
    if not engine.replays_memory:
        pytest.skip("this engine says that it does not")
    x = np.random.default_rng(0).normal(size=(30, 3, 6)).astype(np.float32)
    beginning = stacked([engine.initial_state(engine.signature.memory_slots)] * 3)
    _, before_the_last = walk(engine, "predict", x[:-1], beginning, [])
    stages, _ = walk(engine, "inspect", x, beginning, [])
    values = stages | engine.signature.weightings(stages, axis=2)
    for row in range(3):
        own = {name: value[:, row] for name, value in values.items()}
        seen = engine.memories(beginning["memory"][row], own)
        assert same(seen[-1], before_the_last["memory"][row])
