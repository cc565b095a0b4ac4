"""On a GPU host: make test-gpu. Elsewhere all of it is skipped, and says why."""

from pathlib import Path

import numpy as np
import pytest

from ntm.repository import VersionFolder
from ntm.signature import State
from service.engines import Engine, EngineUnavailable, Values, open_engine
from tests.service.bodies import body, same
from tests.service.running import serving

STEPS = 200


@pytest.fixture(scope="module")
def version(repository: Path) -> VersionFolder:
    """Some model."""
    return VersionFolder(repository / "copy" / "1")


@pytest.fixture(scope="module")
def cuda(version: VersionFolder) -> Engine:
    """ONNX Runtime on CUDA."""
    try:
        return open_engine(version, "onnx", "cuda", 1)
    except EngineUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def recorded(version: VersionFolder, cuda: Engine) -> Engine:
    """The same with CUDA graphs."""
    return open_engine(version, "onnx", "cuda", 1, cuda_graphs=True)


def walk(engine: Engine, rows: int) -> tuple[Values, State]:
    """Some noise to its end, in the chunks that the engine likes."""
    x = np.random.default_rng(0).normal(size=(STEPS, 32, 6)).astype(np.float32)[:, :rows]
    own = engine.initial_state(engine.signature.memory_slots)
    state = {name: value.repeat(rows, axis=0) for name, value in own.items()}
    parts, position = [], 0
    while position < STEPS:
        steps = engine.longest("predict", STEPS - position)
        values, state = engine.run("predict", x[position : position + steps], state)
        parts.append(values)
        position += steps
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, state


def test_cuda_agrees_with_the_cpu(version: VersionFolder, cuda: Engine) -> None:
    assert cuda.device == "cuda"
    there, _ = walk(cuda, 5)
    here, _ = walk(open_engine(version, "onnx", "cpu", 1), 5)
    for name, value in here.items():
        np.testing.assert_allclose(there[name], value, atol=1e-4, err_msg=name)


def test_a_row_has_the_same_bits_alone_and_among_neighbours(cuda: Engine) -> None:
    together, _ = walk(cuda, 32)
    alone, _ = walk(cuda, 1)
    for name, value in alone.items():
        assert same(together[name][:, :1], value), name


@pytest.mark.parametrize("rows", [1, 5, 32])
def test_a_cuda_graph_agrees_with_what_it_recorded(
    cuda: Engine, recorded: Engine, rows: int
) -> None:
    for _ in range(3):  # the first run records
        given, after = walk(recorded, rows)
    expected, state = walk(cuda, rows)
    for name, value in {**expected, **state}.items():
        np.testing.assert_allclose({**given, **after}[name], value, atol=1e-5, err_msg=name)


def test_the_service_runs_on_cuda(cuda: Engine, repository: Path, tmp_path: Path) -> None:
    with (
        serving(repository, tmp_path, engine="onnx", device="cuda", cuda_graphs="true") as server,
        server.client() as client,
    ):
        assert client.post("/predict", json=body(20)).json()["engine"] == "onnx"
        assert 'device="cuda"' in client.get("/metrics").text
