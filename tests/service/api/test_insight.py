"""GET /trace/{id}/provenance, /difference/{other} and /findings, as a client meets them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from ntm.insight import Thresholds
from tests.service.bodies import array, body, draw
from tests.service.running import Server, serving

STEPS = 21
EVERYTHING = "inputs,outputs,read_weightings,write_weightings,addressing,writes,reads,controller"


def predict(client: httpx.Client, **fields: Any) -> str:
    """The trace_id of a request."""
    answer = client.post("/predict", json=body(fields.pop("steps", STEPS), seed=5, **fields))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["trace_id"])


@pytest.fixture(scope="module", params=["copy", "wide", "odd", "learned"])
def name(request: Any) -> str:
    """A model."""
    return str(request.param)


@pytest.fixture(scope="module")
def trace_id(client: httpx.Client, name: str) -> str:
    """A trace of it."""
    return predict(client, model=name)


def get(client: httpx.Client, path: str) -> Any:
    """A 200 answer."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_parts_of_every_read_sum_to_it(client: httpx.Client, trace_id: str) -> None:
    told = get(client, f"/trace/{trace_id}?include=reads,writes")
    reads = np.array(told["reads"])
    for step in (0, 1, 13, STEPS - 1):
        for head in range(reads.shape[1]):
            url = f"/trace/{trace_id}/provenance?step={step}&head=read.{head}&limit=4"
            split = get(client, url)
            total = np.sum([part["vector"] for part in split["parts"]], axis=0)
            total += split["rest"]["vector"]
            np.testing.assert_allclose(total, reads[step, head], atol=1e-5)
            np.testing.assert_allclose(split["read"], total, atol=1e-12)
            assert split["error"] <= 1e-5
            shares = [part["share"] for part in split["parts"]]
            assert sum(shares) + split["rest"]["share"] == pytest.approx(1)
            assert [abs(s) for s in shares] == sorted(map(abs, shares), reverse=True)
            sources = 1 + step * len(told["writes"]["add"][0])
            assert len(shares) == min(4, sources)
            assert split["rest"]["count"] == sources - len(shares)
            assert (split["step"], split["head"]) == (step, f"read.{head}")


def test_memory_set_by_an_intervention_is_a_part(client: httpx.Client) -> None:
    changes = [
        {"steps": 9, "slot": 2, "set": {"memory": [1.0, -1.0, 2.0, 0.5, 1.0, -2.0]}},
        {"steps": "10:", "head": "read.0", "set": {"weighting": np.eye(16)[2].tolist()}},
        {"steps": "4:7", "head": "write.0", "set": {"gate": 1}},
    ]
    trace_id = predict(client, interventions=changes)
    reads = np.array(get(client, f"/trace/{trace_id}?include=reads")["reads"])
    for step in (5, 9, 10, 20):
        split = get(client, f"/trace/{trace_id}/provenance?step={step}&limit=1000")
        kinds = [part["kind"] for part in split["parts"]]
        assert kinds.count("intervention") == (step >= 9)
        total = np.sum([part["vector"] for part in split["parts"]], axis=0)
        np.testing.assert_allclose(total, reads[step, 0], atol=1e-5)
    (part,) = (part for part in split["parts"] if part["kind"] == "intervention")
    assert (part["step"], part["head"]) == (9, None)


def test_a_missing_parameter_is_told_as_missing(client: httpx.Client) -> None:
    told = client.get("/trace/unknown/provenance")
    assert (told.status_code, told.json()["error"]) == (422, "step is missing")


def test_a_session_has_provenance_too(client: httpx.Client) -> None:
    session = client.post("/sessions", json={"model": "copy"}).json()["session_id"]
    for seed in range(3):
        piece = {"sequence": draw(5, seed).tolist()}
        assert client.post(f"/sessions/{session}/steps", json=piece).status_code == 200
    assert get(client, f"/trace/{session}/provenance?step=14")["error"] <= 1e-5


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "step"),
        ("?step=21", "step should be below 21, got 21"),
        ("?step=-1", "step"),
        ("?step=x", "step"),
        ("?step=3&head=read.1", "head should be one of read.0, got 'read.1'"),
        ("?step=3&head=write.0", "head should be one of read.0, got 'write.0'"),
        ("?step=3&limit=0", "limit"),
    ],
)
def test_a_read_that_is_not_there(client: httpx.Client, query: str, told: str) -> None:
    answer = client.get(f"/trace/{predict(client)}/provenance{query}")
    assert answer.status_code == 422
    assert told in answer.json()["error"]


def test_the_difference_is_that_of_the_traces(client: httpx.Client, name: str) -> None:
    sequence = draw(STEPS, seed=5)
    sequence[11, 2] += 1
    left = predict(client, model=name)
    right = predict(client, model=name, sequence=sequence.tolist())
    told = get(client, f"/trace/{left}/difference/{right}")
    both = [get(client, f"/trace/{i}?include={EVERYTHING},memory") for i in (left, right)]
    assert told["steps"] == STEPS
    assert told["first"]["step"] == 11
    assert told["first"]["stages"][0] == "inputs"
    assert "memory" not in told["first"]["stages"]
    stages = {stage["stage"]: stage for stage in told["stages"]}
    assert len(stages) == len(told["stages"]) >= 23
    for stage in stages.values():
        apart = np.abs(np.subtract(*(field(trace, stage["stage"]) for trace in both)))
        assert stage["maximum"] == pytest.approx(apart.max(), abs=1e-7)
        assert stage["mean"] == pytest.approx(apart.mean(), abs=1e-7)
        rows = apart.reshape(STEPS, -1).max(axis=1)
        assert stage["first_step"] == (int((rows > 0).argmax()) if rows.any() else None)
    bits = np.not_equal(*(array(trace["outputs"]) >= 0.5 for trace in both))
    assert told["changed_bits"]["count"] == bits.sum()
    steps = [t for a, b in told["changed_bits"]["steps"] for t in range(a, b)]
    assert steps == np.flatnonzero(bits.any(axis=1)).tolist()


def field(trace: dict[str, Any], name: str) -> Any:
    """An array by its dotted name."""
    told: Any = trace
    for part in name.split("."):
        told = told[part]
    return array(told)


def test_a_trace_is_no_different_from_itself(client: httpx.Client, trace_id: str) -> None:
    told = get(client, f"/trace/{trace_id}/difference/{trace_id}")
    assert told["first"] is None
    assert told["changed_bits"] == {"count": 0, "steps": []}
    assert {stage["maximum"] for stage in told["stages"]} == {0}


def test_a_pinned_gate_parts_at_the_gate(client: httpx.Client) -> None:
    pinned = predict(client, interventions=[{"steps": 6, "head": "read.0", "set": {"gate": 0}}])
    told = get(client, f"/trace/{predict(client)}/difference/{pinned}")
    assert told["first"]["step"] == 6
    assert told["first"]["stages"][:2] == [
        "addressing.read.gate",
        "addressing.read.gated_weighting",
    ]


def test_traces_of_two_lengths_and_two_models_of_one_size(client: httpx.Client) -> None:
    left, right = predict(client, steps=STEPS), predict(client, steps=STEPS + 9)
    assert get(client, f"/trace/{left}/difference/{right}")["steps"] == STEPS
    other = predict(client, version=2)
    told = get(client, f"/trace/{left}/difference/{other}")
    assert [side["version"] for side in told["traces"]] == [1, 2]
    assert told["first"]["step"] == 0


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"memory_slots": 17}, "memory_slots should be the same in both traces, got 16 and 17"),
        ({"model": "wide"}, "read_heads should be the same in both traces, got 1 and 2"),
        ({"model": "learned"}, "memory_width should be the same in both traces, got 6 and 4"),
    ],
)
def test_traces_of_other_sizes(client: httpx.Client, fields: dict[str, Any], told: str) -> None:
    answer = client.get(f"/trace/{predict(client)}/difference/{predict(client, **fields)}")
    assert answer.status_code == 422
    assert answer.json() == {"error": told, "code": "not_comparable"}


def test_findings_have_all_that_they_promise(client: httpx.Client, trace_id: str) -> None:
    strict = "diffuse_slots=1&diffuse_steps=1&frozen_steps=1&jumping_slots=0&undershoot_times=1"
    told = get(client, f"/trace/{trace_id}/findings?{strict}")
    assert told["steps"] == STEPS
    assert told["thresholds"] == {**Thresholds().model_dump(), **ones(strict)}
    assert told["findings"]
    for finding in told["findings"]:
        assert finding["definition"] == told["definitions"][finding["slug"]]
        assert all(0 <= a < b <= STEPS for a, b in finding["steps"])
        for threshold, value in finding["thresholds"].items():
            assert told["thresholds"][threshold] == value


def ones(query: str) -> dict[str, float]:
    """A query's numbers."""
    return {name: float(value) for name, value in (p.split("=") for p in query.split("&"))}


def test_the_diffuse_steps_are_those_of_the_weightings(client: httpx.Client, trace_id: str) -> None:
    told = get(client, f"/trace/{trace_id}/findings?diffuse_slots=3&diffuse_steps=1")
    found = {f["head"]: f for f in told["findings"] if f["slug"] == "diffuse_focus"}
    trace = get(client, f"/trace/{trace_id}")
    for kind in ("read", "write"):
        weightings = np.array(trace[f"{kind}_weightings"])
        for head in range(weightings.shape[1]):
            w = weightings[:, head]
            logarithms = np.log(w, where=w > 0, out=np.zeros_like(w))
            spread = np.exp(-(w * logarithms).sum(axis=1))
            stretches = found.get(f"{kind}.{head}", {"steps": []})["steps"]
            told_steps = [t for a, b in stretches for t in range(a, b)]
            assert told_steps == np.flatnonzero(spread > 3).tolist()


@pytest.mark.parametrize(
    ("query", "code", "told"),
    [
        ("blurry=3", "unknown_threshold", "diffuse_slots, diffuse_steps, frozen_moved"),
        ("diffuse_slots=0.5", "invalid_request", "diffuse_slots should be"),
        ("diffuse_slots=inf", "invalid_request", "diffuse_slots should be"),
        ("frozen_steps=x", "invalid_request", "frozen_steps should be"),
    ],
)
def test_thresholds_that_are_not_there(
    client: httpx.Client, query: str, code: str, told: str
) -> None:
    answer = client.get(f"/trace/{predict(client)}/findings?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert told in answer.json()["error"]


@pytest.mark.parametrize("what", ["provenance?step=1", "difference/{}", "findings"])
def test_a_trace_that_is_not_there(client: httpx.Client, what: str) -> None:
    known = predict(client)
    for path in (f"/trace/nobody/{what.format(known)}", f"/trace/{known}/difference/nobody"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_trace")


@pytest.fixture(scope="module")
def keyed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for a key."""
    with serving(repository, tmp_path_factory.mktemp("keyed"), api_keys="one,two") as running:
        yield running


def test_each_key_looks_into_its_own_traces_only(keyed: Server) -> None:
    clients = [keyed.client(headers={"X-API-Key": key}) for key in ("one", "two")]
    with clients[0] as one, clients[1] as two:
        mine, theirs = predict(one), predict(two)
        for path in (
            f"/trace/{theirs}/provenance?step=1",
            f"/trace/{theirs}/findings",
            f"/trace/{theirs}/difference/{mine}",
            f"/trace/{mine}/difference/{theirs}",
        ):
            assert one.get(path).status_code == 404, path
        assert one.get(f"/trace/{mine}/difference/{mine}").status_code == 200
