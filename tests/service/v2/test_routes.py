"""/v2 over a socket: what any client of the protocol may rely on."""

from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from tests.service.bodies import array, body, draw, same

INFER = "/v2/models/copy/versions/1/infer"


def tensor(values: Any, **fields: Any) -> dict[str, Any]:
    """An infer request in JSON."""
    entry = {"name": "sequence", "shape": list(np.shape(values)), "datatype": "FP32"}
    return {"inputs": [{**entry, "data": np.ravel(values).tolist()}], **fields}


def outputs_of(answer: httpx.Response) -> dict[str, Any]:
    """The tensors of a JSON answer by name."""
    assert answer.status_code == 200, answer.text
    return {
        output["name"]: array(output["data"]).reshape(output["shape"])
        for output in answer.json()["outputs"]
    }


def test_infer_gives_what_predict_gives(client: httpx.Client) -> None:
    sequence = draw(70)
    include = ["read_weightings", "write_weightings"]
    told = client.post("/predict", json=body(70, include=include)).json()
    came = outputs_of(client.post(INFER, json=tensor(sequence)))
    for name in ("outputs", *include):
        assert same(came[name], array(told[name])), name


def test_a_batch_gives_what_its_sequences_give_alone(client: httpx.Client) -> None:
    batch = np.stack([draw(9, seed) for seed in range(5)])
    together = client.post(INFER, json=tensor(batch))
    came = outputs_of(together)
    ids = together.json()["parameters"]["trace_id"].split(",")
    assert len(ids) == 5
    for row, trace_id in enumerate(ids):
        alone = outputs_of(client.post(INFER, json=tensor(batch[row])))
        trace = client.get(f"/trace/{trace_id}").json()
        assert same(array(trace["inputs"]), batch[row])
        for name, rows in came.items():
            assert same(rows[row], alone[name])
            assert same(array(trace[name]), alone[name])


def test_only_what_is_asked_for_comes_back(client: httpx.Client) -> None:
    parameters = {"record": False, "memory_slots": 33}
    names = ["write_weightings", "outputs"]
    asked = tensor(
        draw(3), id="a \u00e9", outputs=[{"name": n} for n in names], parameters=parameters
    )
    answer = client.post(INFER, json=asked).json()
    assert answer["id"] == "a \u00e9"
    assert (answer["model_name"], answer["model_version"]) == ("copy", "1")
    assert answer["parameters"] == {"memory_slots": 33}
    assert [output["name"] for output in answer["outputs"]] == names
    assert answer["outputs"][0]["shape"] == [3, 1, 33]
    assert "id" not in client.post(INFER, json=tensor(draw(3))).json()


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "text/plain", "x"])
def test_any_content_type_will_do(client: httpx.Client, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    assert client.post(INFER, content=orjson.dumps(tensor(draw(2))), headers=headers).is_success


def test_the_highest_version_answers_by_default(client: httpx.Client) -> None:
    answer = client.post("/v2/models/copy/infer", json=tensor(draw(2)))
    assert answer.json()["model_version"] == "2"
    assert client.get("/v2/models/copy").json()["versions"] == ["1", "2"]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (tensor(np.zeros((2, 5))), 400, "wrong_width"),
        (tensor(np.zeros((0, 6))), 400, "empty_sequence"),
        (tensor(np.zeros((0, 2, 6))), 400, "batch_too_large"),
        (tensor(np.zeros((33, 1, 6))), 400, "batch_too_large"),
        (tensor(np.zeros((2001, 6))), 400, "too_many_steps"),
        (tensor(np.zeros((2, 6)), parameters={"memory_slots": 513}), 400,
         "memory_slots_out_of_range"),
        (tensor(np.zeros((2, 6)), parameters={"memory_slots": 0}), 400,
         "memory_slots_out_of_range"),
        (tensor(np.zeros((1000, 6)), parameters={"memory_slots": 512}), 413,
         "response_too_large"),
        ([], 400, "malformed_body"),
        ({}, 400, "invalid_request"),
    ],
)  # fmt: skip
def test_wrong_input_is_400_with_a_code(
    client: httpx.Client, asked: Any, status: int, code: str
) -> None:
    answer = client.post(INFER, json=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"error", "code"}


@pytest.mark.parametrize("value", [np.nan, np.inf, 2e30])
def test_bytes_must_be_finite_numbers(client: httpx.Client, value: float) -> None:
    answer = client.post(
        INFER,
        content=np.full((2, 6), value, "<f4").tobytes(),
        headers={"inference-header-content-length": "0"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "not_finite")


@pytest.mark.parametrize("below", ["", "/ready", "/config", "/stats"])
def test_unknown_models_and_versions_are_404(client: httpx.Client, below: str) -> None:
    for path, code in (("nope", "unknown_model"), ("copy/versions/3", "unknown_version"),
                       ("copy/versions/x", "unknown_version")):  # fmt: skip
        answer = client.get(f"/v2/models/{path}{below}")
        assert (answer.status_code, answer.json()["code"]) == (404, code)
        answer = client.post(f"/v2/models/{path}/infer", json=tensor(draw(2)))
        assert (answer.status_code, answer.json()["code"]) == (404, code)


def test_the_server_tells_of_itself(client: httpx.Client) -> None:
    told = client.get("/v2").json()
    assert client.get("/v2/").json() == told
    assert told["name"] == "ntm"
    assert "binary_tensor_data" in told["extensions"]
    assert {(m["name"], m["engine"]) for m in told["models"]} >= {("copy", "native")}
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/wide/ready").json() == {"name": "wide", "ready": True}


def test_metadata_and_configuration_agree(client: httpx.Client) -> None:
    metadata = client.get("/v2/models/wide").json()
    config = client.get("/v2/models/wide/config").json()
    assert metadata["inputs"] == [{"name": "sequence", "datatype": "FP32", "shape": [-1, -1, 6]}]
    assert config["max_batch_size"] == 32
    for kind, told in (("inputs", "input"), ("outputs", "output")):
        for one, other in zip(metadata[kind], config[told], strict=True):
            assert other["name"] == one["name"]
            assert other["data_type"] == "TYPE_" + one["datatype"]
            assert [-1, *other["dims"]] == one["shape"]
    came = outputs_of(client.post("/v2/models/wide/infer", json=tensor(np.zeros((1, 4, 6)))))
    for output in metadata["outputs"]:
        shape = came[output["name"]].shape
        fits = zip(shape, output["shape"], strict=True)
        assert all(size == told for size, told in fits if told >= 0), output


def test_statistics_count_sequences_and_runs(client: httpx.Client) -> None:
    def told() -> dict[str, Any]:
        stats = client.get("/v2/models/odd/stats").json()["model_stats"]
        assert len(stats) == 1
        return dict(stats[0])

    before = told()
    assert client.post("/v2/models/odd/infer", json=tensor(np.zeros((3, 5, 6)))).is_success
    slow = tensor(np.zeros((1500, 6)), parameters={"timeout": 1}, outputs=[{"name": "outputs"}])
    assert client.post("/v2/models/odd/infer", json=slow).status_code == 504
    after = told()
    assert after["inference_count"] - before["inference_count"] == 3
    grown = {
        name: spent["count"] - before["inference_stats"][name]["count"]
        for name, spent in after["inference_stats"].items()
    }
    assert grown == {
        "success": 3, "fail": 1, "queue": 3, "compute_input": 3, "compute_infer": 3,
        "compute_output": 3, "cache_hit": 0, "cache_miss": 0,
    }  # fmt: skip
    spent = after["inference_stats"]
    assert spent["success"]["ns"] == pytest.approx(
        spent["queue"]["ns"] + spent["compute_infer"]["ns"], abs=10
    )
    assert (
        sum(b["compute_infer"]["count"] for b in after["batch_stats"]) == (after["execution_count"])
    )
    assert after["last_inference"] > 1.6e12
    every = client.get("/v2/models/stats").json()["model_stats"]
    assert {(m["name"], m["version"]) for m in every} >= {("copy", "1"), ("copy", "2")}
