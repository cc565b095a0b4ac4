"""On a GPU host: make test-gpu. Elsewhere all of it is skipped, and says why."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ntm.repository.folders import VersionFolder
from service.engines import Engine, EngineUnavailable, open_engine
from tests.service.bodies import body, same
from tests.service.engines.test_exactness import stacked, walk
from tests.service.running import serving


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


@pytest.mark.parametrize("recorded", [False, True])
def test_cuda_agrees_with_the_cpu(version: VersionFolder, cuda: Engine, recorded: bool) -> None:
    there = open_engine(version, "onnx", "cuda", 1, cuda_graphs=recorded)
    here = open_engine(version, "onnx", "cpu", 1)
    assert (cuda.device, there.device) == ("cuda", "cuda")
    x = np.random.default_rng(0).normal(size=(200, 5, 6)).astype(np.float32)
    beginning = stacked([here.initial_state(16)] * 5)
    for _ in range(3):  # the first run records
        given, after = walk(there, "predict", x, beginning, [])
    expected, state = walk(here, "predict", x, beginning, [])
    for name, value in {**expected, **state}.items():
        np.testing.assert_allclose({**given, **after}[name], value, atol=1e-4, err_msg=name)


def test_a_cuda_graph_has_the_bits_of_what_it_recorded(
    version: VersionFolder, cuda: Engine
) -> None:
    recorded = open_engine(version, "onnx", "cuda", 1, cuda_graphs=True)
    x = np.random.default_rng(0).normal(size=(200, 5, 6)).astype(np.float32)
    beginning = stacked([cuda.initial_state(16)] * 5)
    for _ in range(2):
        given, after = walk(recorded, "predict", x, beginning, [])
        expected, state = walk(cuda, "predict", x, beginning, [])
        for name, value in {**expected, **state}.items():
            assert same({**given, **after}[name], value), name


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("recorded", [False, True])
def test_the_service_on_cuda_answers_and_its_traces_are_what_was_computed(
    repository: Path, tmp_path: Path, recorded: bool
) -> None:
    """Traces are recomputed on GET: 409 where the bits are others."""
    settings = {"engine": "onnx", "device": "cuda", "cuda_graphs": str(recorded).lower()}
    with serving(repository, tmp_path, **settings) as server, server.client() as client:

        def ask(length: int) -> None:
            answer = client.post("/predict", json=body(length))
            assert answer.status_code == 200, answer.text
            assert answer.json()["engine"] == "onnx"
            trace = client.get(f"/trace/{answer.json()['trace_id']}?include=outputs,addressing")
            assert trace.status_code == 200, trace.text
            assert trace.json()["outputs"] == answer.json()["outputs"]

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(ask, [1 + number % 40 for number in range(120)]))
        assert 'device="cuda"' in client.get("/metrics").text
