"""A model without slots and heads is served, traced, streamed, compared and drawn."""

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from ntm.architectures.lstm.model import LSTM
from ntm.export.write import export_onnx, export_torchscript
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from ntm.runs.trace import Trace
from ntm.tasks import Copy
from tests.service.running import serving

TASK = Copy(bits=4)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> VersionFolder:
    """A random LSTM, exported."""
    torch.manual_seed(0)
    model = LSTM(input_size=TASK.input_size, output_size=TASK.output_size, size=9, layers=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.7)
    folder = tmp_path_factory.mktemp("models") / "lstm" / "1"
    saved = checkpoint.save(folder, model.eval(), TASK, {"seed": 1})
    export_onnx(saved)
    export_torchscript(saved)
    return saved


@pytest.fixture(scope="module", params=["auto", "torchscript"])
def client(
    request: pytest.FixtureRequest, version: VersionFolder, tmp_path_factory: Any
) -> Iterator[httpx.Client]:
    """A service on it."""
    models, data = version.path.parents[1], tmp_path_factory.mktemp("service")
    with serving(models, data, engine=request.param) as server, server.client() as client:
        yield client


@pytest.fixture(scope="module")
def sequence() -> Any:
    """Inputs of one example."""
    return TASK.sample(np.random.default_rng(0), 1, length=12).inputs[:, 0]


def post(client: httpx.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def test_it_is_served_as_the_model_computes(
    client: httpx.Client, version: VersionFolder, sequence: Any
) -> None:
    answer = post(client, "/predict", model="lstm", sequence=sequence.tolist())
    assert answer["memory_slots"] == 0
    expected = checkpoint.load(version).predict(torch.from_numpy(sequence)).detach()[:, 0]
    np.testing.assert_allclose(answer["outputs"], expected, atol=1e-5)


def test_its_facts_say_that_there_is_nothing_to_address(client: httpx.Client) -> None:
    told = client.get("/models/lstm").json()
    assert (told["memory_slots"], told["heads"]) == (0, {"read": 0, "write": 0})
    assert told["signature"]["fixed_slots"] == 0
    refused = client.post(
        "/predict", json={"model": "lstm", "sequence": [[0] * 6], "memory_slots": 128}
    )
    assert refused.status_code == 422
    assert "memory_slots should be 0" in refused.json()["error"]
    assert "it has no memory slots" in refused.json()["error"]


def test_there_are_no_reads_to_ask_about(client: httpx.Client, sequence: Any) -> None:
    trace = post(client, "/predict", model="lstm", sequence=sequence.tolist())["trace_id"]
    for path in (f"/trace/{trace}/provenance?step=0", f"/trace/{trace}/findings"):
        refused = client.get(path)
        assert refused.status_code == 422
        assert "not defined" in refused.json()["error"]


def test_an_example_can_be_sent_as_it_is(client: httpx.Client) -> None:
    example = client.get("/models/lstm/example", params={"length": 300}).json()
    assert example["memory_slots"] == 0
    assert post(client, "/predict", **example)["wrong_bits"] > 0


def test_its_trace_has_its_cells(
    client: httpx.Client, version: VersionFolder, sequence: Any
) -> None:
    answer = post(client, "/predict", model="lstm", sequence=sequence.tolist())
    url = f"/trace/{answer['trace_id']}"
    recorded = Trace.record(checkpoint.load(version), sequence)
    trace = client.get(url, params={"include": "outputs,controller", "steps": "3:9"}).json()
    for stage in ("cell", "hidden", "forget_gate"):
        np.testing.assert_allclose(
            trace["controller"][stage], recorded[f"controller.{stage}"][3:9], atol=1e-5
        )
    whole = client.get(url).json()
    assert "read_weightings" not in whole
    assert whole["outputs"] == answer["outputs"]
    picture = client.get(url, params={"format": "png"})
    assert picture.content.startswith(b"\x89PNG"), picture.text


def test_a_session_gives_bit_for_bit_what_one_request_gives(
    client: httpx.Client, sequence: Any
) -> None:
    whole = post(client, "/predict", model="lstm", sequence=sequence.tolist())["outputs"]
    session = post(client, "/sessions", model="lstm")["session_id"]
    fed = []
    for part in (sequence[:1], sequence[1:20], sequence[20:]):
        fed += post(client, f"/sessions/{session}/steps", sequence=part.tolist())["outputs"]
    assert fed == whole


def test_two_runs_are_compared(client: httpx.Client, sequence: Any) -> None:
    silence = {"steps": 4, "set": {"input": [0] * TASK.input_size}}
    ids = [
        post(client, "/predict", model="lstm", sequence=sequence.tolist(), interventions=items)[
            "trace_id"
        ]
        for items in ([], [silence])
    ]
    told = client.get(f"/trace/{ids[0]}/difference/{ids[1]}").json()
    assert told["first"]["step"] == 4
    assert "controller.cell" in {stage["stage"] for stage in told["stages"]}
