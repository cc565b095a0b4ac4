"""A Differentiable Neural Computer behind the service: predicted, traced, pinned, continued."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from ntm import Trace
from ntm.runs.record import stages_in_traces
from ntm.tasks.graph.underground import STATION_NAMES, STATIONS
from tests import small_dnc
from tests.service.bodies import array, draw, same
from tests.service.running import serving

NAMES = list(small_dnc.MODELS)
every_model = pytest.mark.parametrize("name", NAMES)
FIELDS = "outputs,read_weightings,write_weightings,addressing,writes,reads,controller,memory,link"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service keeps traces and sessions."""
    return tmp_path_factory.mktemp("dnc-service")


@pytest.fixture(scope="module")
def client(dncs: Path, folder: Path) -> Iterator[httpx.Client]:
    """A client of a service on them."""
    with serving(dncs, folder) as server, server.client() as client:
        yield client


def post(client: httpx.Client, path: str, **body: Any) -> Any:
    """What a request that succeeds gives."""
    answer = client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


@every_model
def test_it_computes_what_the_model_does_at_any_number_of_slots(
    client: httpx.Client, name: str
) -> None:
    sequence = draw(20)
    for slots in (1, 7, 64):
        answer = post(
            client, "/predict", model=name, sequence=sequence.tolist(), memory_slots=slots
        )
        assert answer["engine"] == "onnx"
        with torch.inference_mode():
            expected = small_dnc.make(name).predict(torch.from_numpy(sequence)[:, None], slots)
        np.testing.assert_allclose(answer["outputs"], expected[:, 0], atol=1e-5)


@every_model
def test_its_trace_has_every_stage(client: httpx.Client, name: str) -> None:
    sequence, model = draw(9), small_dnc.make(name)
    answer = post(client, "/predict", model=name, sequence=sequence.tolist())
    url = f"/trace/{answer['trace_id']}?format=safetensors&include={FIELDS}"
    trace, recorded = Trace.from_url(f"{client.base_url}{url}"), Trace.record(model, sequence)
    names = [*stages_in_traces(model.signature), "memory"]
    stages = ["usage", "retention", "allocation_weighting", "write_gate", "free_gate", "link"]
    stages += ["precedence", "read_mode", "forward_weighting", "backward_weighting"]
    for stage in stages:
        assert any(array.endswith(f".{stage}") for array in names), stage
    for array_name in names:
        assert trace[array_name].any(), array_name
        np.testing.assert_allclose(
            trace[array_name], recorded[array_name], atol=1e-5, err_msg=array_name
        )


@every_model
def test_every_control_can_be_pinned(client: httpx.Client, name: str) -> None:
    sequence, signature = draw(6), small_dnc.make(name).signature
    for stage in signature.pinnable:
        side = "read" if stage.owner == "read" else "write"
        size = stage.size(signature.memory_slots)
        value = np.full(size, max(stage.bounds[0] or 0, 0.25))
        if stage.kind in ("distribution", "weighting"):
            value = np.eye(size)[-1]
        told: Any = float(value[0]) if stage.is_scalar else value.tolist()
        pin = {"steps": "2:4", "head": f"{side}.0", "set": {stage.name: told}}
        fields = {"model": name, "sequence": sequence.tolist(), "interventions": [pin]}
        trace_id = post(client, "/predict", **fields)["trace_id"]
        trace = Trace.from_url(f"{client.base_url}/trace/{trace_id}", include=FIELDS)
        found = trace[
            f"{side}_weightings"
            if stage.group == "weighting"
            else f"writes.{stage.name}"
            if stage.group == "writes"
            else f"addressing.{side}.{stage.name}"
        ]
        assert same(found[2:4, 0].reshape(2, -1), array([value, value])), stage.name
        expected = Trace.record(small_dnc.make(name), sequence, interventions=[pin])
        np.testing.assert_allclose(trace["outputs"], expected["outputs"], atol=1e-5)


@every_model
def test_a_weighting_that_sums_to_more_than_1_is_refused(client: httpx.Client, name: str) -> None:
    pin = {"steps": 0, "head": "write.0", "set": {"write_weighting": [1.0] * 10}}
    answer = client.post(
        "/predict",
        json={
            "model": name,
            "sequence": draw(2).tolist(),
            "memory_slots": 10,
            "interventions": [pin],
        },
    )
    assert answer.status_code == 422
    assert "should sum to 1 or be all zero, got 10" in answer.json()["error"]


@every_model
def test_the_parts_of_a_read_add_up_to_it(client: httpx.Client, name: str) -> None:
    sequence, model = draw(12), small_dnc.make(name)
    trace_id = post(client, "/predict", model=name, sequence=sequence.tolist())["trace_id"]
    answer = client.get(f"/trace/{trace_id}/provenance?step=11&head=read.0&limit=20")
    assert answer.status_code == 200, answer.text
    parts = answer.json()["parts"]
    assert {part["step"] for part in parts if part["kind"] == "write"} == {*range(12)}
    read = Trace.record(model, sequence)["reads"][11, 0]
    np.testing.assert_allclose(sum(np.array(p["vector"]) for p in parts), read, atol=1e-5)
    assert sum(part["share"] for part in parts) == pytest.approx(1)


@every_model
def test_it_is_examined(client: httpx.Client, name: str) -> None:
    trace_id = post(client, "/predict", model=name, sequence=draw(12).tolist())["trace_id"]
    answer = client.get(f"/trace/{trace_id}/findings")
    assert answer.status_code == 200, answer.text
    assert {"diffuse_focus"} <= {finding["slug"] for finding in answer.json()["findings"]}


@every_model
def test_two_runs_part_where_one_was_changed(client: httpx.Client, name: str) -> None:
    pin = {"steps": 3, "head": "write.0", "set": {"write_gate": 0}}
    ids = [
        post(client, "/predict", model=name, sequence=draw(8).tolist(), interventions=items)[
            "trace_id"
        ]
        for items in ([], [pin])
    ]
    answer = client.get(f"/trace/{ids[0]}/difference/{ids[1]}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["first"]["step"] == 3


@every_model
def test_it_is_drawn(client: httpx.Client, name: str) -> None:
    answer = post(client, "/predict", model=name, sequence=draw(8).tolist())
    picture = client.get(f"/trace/{answer['trace_id']}?format=png")
    assert picture.status_code == 200, picture.text
    assert picture.content.startswith(b"\x89PNG")


@every_model
def test_a_session_survives_a_kill_and_goes_on_bit_for_bit(
    dncs: Path, tmp_path: Path, name: str
) -> None:
    sequence = draw(25)
    with serving(dncs, tmp_path) as server, server.client() as client:
        whole = post(client, "/predict", model=name, sequence=sequence.tolist())["outputs"]
        session = post(client, "/sessions", model=name)["session_id"]
        url = f"/sessions/{session}/steps"
        outputs = post(client, url, sequence=sequence[:3].tolist())["outputs"]
        outputs += post(client, url, sequence=sequence[3:11].tolist())["outputs"]
        server.process.kill()
        server.process.wait(30)
    with serving(dncs, tmp_path) as server, server.client() as client:
        outputs += post(client, url, sequence=sequence[11:].tolist())["outputs"]
    assert outputs == whole


def test_links_of_too_many_slots_are_refused_for_their_bytes(client: httpx.Client) -> None:
    signature, body = small_dnc.make("dnc").signature, {"model": "dnc", "memory_slots": 5000}
    bytes_of_state = signature.state_bytes(5000)
    assert bytes_of_state > 4 * 5000**2 > 64 * 2**20
    for path, sequence in (("/sessions", {}), ("/predict", {"sequence": draw(2).tolist()})):
        answer = client.post(path, json=body | sequence)
        assert answer.status_code == 422
        assert f"a state of this model has {bytes_of_state} bytes" in answer.json()["error"]


def test_a_walk_through_a_map_is_told_and_answered_in_the_names_of_its_stations(
    client: httpx.Client,
) -> None:
    example = client.get("/models/walks/example?seed=2").json()
    heard = small_dnc.WALKS.edges_of(np.array(example["sequence"], np.float32))
    first = f"{STATION_NAMES[heard[0].source]} to {STATION_NAMES[heard[0].destination]} by "
    assert example["words"][0].startswith(first)
    assert len(example["words"]) == len(example["sequence"]) == 8
    assert example["words"][6].startswith("from ")
    answer = post(client, "/predict", **example)
    named = {str(label): label for label in range(100)} | STATIONS
    said = [named[name] for name in answer["answer"].split(", ")]
    digits = np.array(answer["outputs"])[6:].reshape(2, 2, 10).argmax(axis=-1)
    assert said == (digits @ [10, 1]).tolist()
    for figure in ("walk", "allocation"):
        drawn = client.get(f"/trace/{answer['trace_id']}?format=png&figure={figure}")
        assert drawn.content.startswith(b"\x89PNG")
    assert "words" not in client.get("/models/dnc/example").json()
    assert "answer" not in post(client, "/predict", model="dnc", sequence=draw(3).tolist())
    refused = client.post("/predict", json={**example, "words": [1]})
    assert refused.status_code == 422
    assert "words" in refused.json()["error"]
