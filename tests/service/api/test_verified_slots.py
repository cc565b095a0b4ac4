"""A number of slots that nobody verified: the answer says so."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.command_line import ROOT
from tests.service.running import serving


@pytest.fixture(scope="module")
def sorting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The shipped sorting model alone."""
    models: Path = ROOT / "models" / "priority-sort"
    with serving(models, tmp_path_factory.mktemp("sorting")) as server, server.client() as client:
        yield client


def test_the_model_tells_its_slots(sorting: httpx.Client) -> None:
    assert sorting.get("/models/priority-sort").json()["verified_memory_slots"] == [64]


@pytest.mark.parametrize("slots", [None, 64, 128])
def test_answers_warn(sorting: httpx.Client, slots: int | None) -> None:
    request = {"model": "priority-sort", "sequence": [[0.0] * 10]}
    if slots:
        request["memory_slots"] = slots
    answers = [
        sorting.post("/predict", json=request).json(),
        sorting.post("/sessions", json={k: request[k] for k in request if k != "sequence"}).json(),
    ]
    body = {
        "inputs": [
            {"name": "sequence", "shape": [1, 10], "datatype": "FP32", "data": [0.0] * 10},
        ],
        "parameters": {"memory_slots": slots or 64},
    }
    answers.append(sorting.post("/v2/models/priority-sort/infer", json=body).json()["parameters"])
    for told in answers:
        assert told["memory_slots"] == (slots or 64)
        assert ("128 was not verified" in told.get("warning", "")) is (slots == 128)
