"""A memory network's bits depend on nothing but the row, on every engine it runs on."""

from typing import Any

import numpy as np
import pytest
import torch

from ntm.architectures.memory_network.model import MemoryNetwork
from ntm.export.write import export_onnx, export_torchscript
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from ntm.signature import State
from ntm.tasks import Babi
from service.engines import Engine, Kind, Values, open_engine

TASK, BATCH, SLOTS = Babi(), 33, 40


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> VersionFolder:
    """A random model as large as a shipped one, exported both ways."""
    torch.manual_seed(0)
    model = MemoryNetwork(
        input_size=TASK.input_size, output_size=TASK.output_size, N=SLOTS, d=37, hops=4, ages=50,
        encoding="learned", hop_maps=True, half_relu=True,
    ).eval()  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "random" / "1"
    saved = checkpoint.save(folder, model, TASK, {"seed": 0})
    export_onnx(saved)
    export_torchscript(saved)
    return saved


@pytest.fixture(scope="module", params=["onnx", "torchscript"])
def engine(request: Any, version: VersionFolder, tmp_path_factory: Any) -> Engine:
    return open_engine(version, request.param, "cpu", 1, tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="module")
def stories() -> np.ndarray:
    """Stories of several tasks [T, B, I]; a row is elsewhere than its neighbours."""
    rng = np.random.default_rng(0)
    parts = [TASK.sample(rng, 1, task=task).inputs[-14:, 0] for task in range(1, 12)]
    rows = np.zeros((14, BATCH, TASK.input_size), np.float32)
    for b in range(BATCH):
        part = parts[b % len(parts)]
        rows[14 - len(part) :, b] = part
    return rows


def initial(engine: Engine, rows: int) -> State:
    """The state of `rows` sequences before their first step."""
    one = engine.initial_state(SLOTS)
    return {name: np.repeat(value, rows, axis=0) for name, value in one.items()}


def walk(engine: Engine, kind: Kind, x: np.ndarray, state: State) -> tuple[Values, State]:
    """All steps of x [T, B, I] in the largest chunks that there are."""
    parts: list[Values] = []
    while len(x):
        steps = engine.longest(kind, len(x))
        values, state = engine.run(kind, x[:steps], state)
        parts.append(values)
        x = x[steps:]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, state


@pytest.mark.parametrize("kind", ["predict", "inspect"])
def test_a_row_among_others_has_the_bits_that_it_has_alone(
    engine: Engine, stories: np.ndarray, kind: Kind
) -> None:
    together, after = walk(engine, kind, stories, initial(engine, BATCH))
    assert together["outputs"].max() > 1.5 / TASK.output_size, "something should be answered"
    for row in range(0, BATCH, 4):
        for few in (1, 2, 3):
            rows = slice(row, min(row + few, BATCH))
            count = rows.stop - rows.start
            alone, then = walk(engine, kind, stories[:, rows], initial(engine, count))
            for name, value in alone.items():
                assert np.array_equal(value, together[name][:, rows]), name
            for name, value in then.items():
                assert np.array_equal(value, after[name][rows]), name


def test_pieces_give_the_bits_of_the_whole(engine: Engine, stories: np.ndarray) -> None:
    whole, after = walk(engine, "predict", stories, initial(engine, BATCH))
    state, outputs = initial(engine, BATCH), []
    for start, stop in ((0, 1), (1, 6), (6, 7), (7, 14)):
        kind: Kind = "inspect" if start == 6 else "predict"
        values, state = walk(engine, kind, stories[start:stop], state)
        outputs.append(values["outputs"])
    assert np.array_equal(np.concatenate(outputs), whole["outputs"])
    for name, value in state.items():
        assert np.array_equal(value, after[name]), name


def test_it_is_what_the_model_computes(
    engine: Engine, version: VersionFolder, stories: np.ndarray
) -> None:
    values, _ = walk(engine, "predict", stories, initial(engine, BATCH))
    with torch.inference_mode():
        expected = checkpoint.load(version).predict(torch.from_numpy(stories))
    np.testing.assert_allclose(values["outputs"], expected, atol=1e-5)
