"""Long answers of every route are encoded while they are read, and hold what short ones do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import load

from tests.service.bodies import array, body, same
from tests.service.running import serving
from tests.service.test_memory import MEBIBYTE, in_flight

SLOTS, STEPS = 512, 1900
WEIGHTINGS = ["read_weightings", "write_weightings"]
ASKED = body(steps=STEPS)
TENSOR = {"name": "sequence", "datatype": "FP32", "shape": [STEPS, 6], "data": ASKED["sequence"]}


@pytest.fixture(scope="module")
def client(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Of a service with room for the tensors of a long answer, not for all of their text."""
    settings = {"memory_bytes": 24 * MEBIBYTE, "max_response_bytes": 64 * MEBIBYTE}
    folder = tmp_path_factory.mktemp("long")
    with serving(repository, folder, **settings) as server, server.client() as client:
        yield client


@pytest.fixture(scope="module")
def predicted(client: httpx.Client) -> dict[str, Any]:
    """What one request gives, and its trace."""
    answer = client.post("/predict", json={**ASKED, "memory_slots": SLOTS, "include": WEIGHTINGS})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def arrays(answer: httpx.Response) -> dict[str, Any]:
    """The tensors of an answer in JSON."""
    assert answer.status_code == 200, answer.text
    assert len(answer.content) > 8 * MEBIBYTE
    told = answer.json()
    return {name: array(told[name]) for name in ("outputs", *WEIGHTINGS)}


def test_a_piece_of_a_session(client: httpx.Client, predicted: dict[str, Any]) -> None:
    asked = {"model": "copy", "version": 1, "memory_slots": SLOTS}
    session = client.post("/sessions", json=asked).json()["session_id"]
    piece = {"sequence": ASKED["sequence"], "include": WEIGHTINGS}
    fed = arrays(client.post(f"/sessions/{session}/steps", json=piece))
    assert all(same(fed[name], array(predicted[name])) for name in fed)


def test_a_trace(client: httpx.Client, predicted: dict[str, Any]) -> None:
    url = f"/trace/{predicted['trace_id']}?include=outputs,{','.join(WEIGHTINGS)}"
    told = arrays(client.get(url))
    assert all(same(told[name], array(predicted[name])) for name in told)
    tensors = load(client.get(f"{url}&format=safetensors").content)
    assert all(same(tensors[name], told[name]) for name in told)
    # NPZ is written as a whole
    assert client.get(f"{url}&format=npz").json()["code"] == "response_too_large"


@pytest.mark.parametrize("binary", [False, True])
def test_an_inference(client: httpx.Client, predicted: dict[str, Any], binary: bool) -> None:
    parameters = {"memory_slots": SLOTS, "binary_data_output": binary}
    outputs = [{"name": name} for name in ("outputs", *WEIGHTINGS)]
    asked = {"inputs": [TENSOR], "outputs": outputs, "parameters": parameters}
    answer = client.post("/v2/models/copy/versions/1/infer", json=asked)
    assert answer.status_code == 200, answer.text
    told = answer.json() if not binary else None
    if told is None:
        length = int(answer.headers["inference-header-content-length"])
        numbers = np.frombuffer(answer.content[length:], "<f4")
    else:
        numbers = np.concatenate([array(output["data"]) for output in told["outputs"]])
    expected = [array(predicted[name]).ravel() for name in ("outputs", *WEIGHTINGS)]
    assert same(numbers, np.concatenate(expected))


def test_nothing_is_in_flight_once_they_are_read(
    client: httpx.Client, predicted: dict[str, Any]
) -> None:
    assert predicted["steps"] == STEPS
    while in_flight(client)["answers"]:
        assert client.get("/v2/health/live").status_code == 200
