"""What has no room even alone is told so with 413: to try again would be of no use."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.memory import KINDS
from tests.service.bodies import body
from tests.service.running import serving
from tests.service.test_memory import MEBIBYTE, in_flight

LIMIT = MEBIBYTE // 2
KIND = {"content-type": "application/json"}
WEIGHTINGS = ["read_weightings", "write_weightings"]
UNIFORM = {"steps": 0, "head": "read.0", "set": {"weighting": "uniform"}}


@pytest.fixture(scope="module")
def client(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Of a service with little room."""
    folder = tmp_path_factory.mktemp("little")
    settings = {"memory_bytes": LIMIT, "max_response_bytes": 64 * MEBIBYTE}
    with serving(repository, folder, **settings) as server, server.client() as client:
        yield client


def predict(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/predict", json=body(**fields))


def feed(client: httpx.Client, slots: int, **fields: Any) -> httpx.Response:
    asked = {"model": "copy", "version": 1, "memory_slots": slots}
    session = client.post("/sessions", json=asked).json()["session_id"]
    return client.post(f"/sessions/{session}/steps", json=fields)


def infer(client: httpx.Client, steps: int, slots: int) -> httpx.Response:
    sequence = body(steps=steps)["sequence"]
    tensor = {"name": "sequence", "datatype": "FP32", "shape": [steps, 6], "data": sequence}
    asked = {"inputs": [tensor], "parameters": {"memory_slots": slots}}
    return client.post("/v2/models/copy/infer", json=asked)


def replay(client: httpx.Client, slots: int) -> httpx.Response:
    trace_id = predict(client, steps=50, memory_slots=slots).json()["trace_id"]
    return client.get(f"/trace/{trace_id}?include=addressing")


ASKED: dict[str, tuple[Callable[[httpx.Client], httpx.Response], str]] = {
    "a body": (
        lambda client: client.post("/predict", content=b" " * LIMIT, headers=KIND),
        "body_too_large",
    ),
    "a body in chunks": (
        lambda client: client.post("/predict", content=iter([b" " * 2**16] * 5), headers=KIND),
        "body_too_large",
    ),
    "a body that inflates": (
        lambda client: client.post(
            "/predict",
            content=gzip.compress(b" " * LIMIT),
            headers={**KIND, "content-encoding": "gzip"},
        ),
        "body_too_large",
    ),
    "an answer": (
        lambda client: predict(client, steps=50, memory_slots=512, include=WEIGHTINGS),
        "response_too_large",
    ),
    "an answer to a piece": (
        lambda client: feed(client, 512, sequence=body(50)["sequence"], include=WEIGHTINGS),
        "response_too_large",
    ),
    "an answer to an inference": (
        lambda client: infer(client, steps=50, slots=512),
        "response_too_large",
    ),
    "a trace": (lambda client: replay(client, slots=512), "response_too_large"),
    "a state": (lambda client: predict(client, memory_slots=16_384), "state_too_large"),
    "a state of a session": (
        lambda client: feed(client, 16_384, sequence=body()["sequence"]),
        "state_too_large",
    ),
    "interventions": (
        lambda client: predict(client, interventions=[UNIFORM] * 400),
        "interventions_too_large",
    ),
    "an intervention on many steps": (
        lambda client: client.post(
            "/predict",
            content=json.dumps(
                {
                    "model": "copy",
                    "version": 1,
                    "sequence": [[0] * 6] * 10_000,
                    "interventions": [
                        {"steps": ":", "head": f"{side}.0", "set": {name: 1.0}}
                        for side in ("read", "write")
                        for name in ("gate", "key_strength", "sharpening")
                    ],
                },
                separators=(",", ":"),
            ),
        ),
        "interventions_too_large",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_never_has_room_is_not_to_be_tried_again(client: httpx.Client, name: str) -> None:
    ask, code = ASKED[name]
    answer = ask(client)
    assert (answer.status_code, answer.json()["code"]) == (413, code), answer.text
    assert "retry-after" not in answer.headers
    assert predict(client).status_code == 200
    assert in_flight(client) == dict.fromkeys(KINDS, 0)


def test_it_says_what_would_have_room(client: httpx.Client) -> None:
    body_of = ASKED["a body"][0](client).json()["error"]
    assert body_of == f"the body should have at most {LIMIT // 2} bytes, also when inflated"
    answer = ASKED["an answer"][0](client).json()["error"]
    assert f"more than the {LIMIT} that everything in flight may take (NTM_MEMORY_BYTES)" in answer
    assert answer.endswith("; ask for fewer steps or values at a time")
