"""A server that is busy, flooded or left: everybody else goes on as if nothing were."""

import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from tests.service.bodies import array, body, draw, same
from tests.service.running import Server, await_that, serving

STEPS = 20_000


@pytest.fixture(scope="module")
def busy(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a short queue."""
    folder = tmp_path_factory.mktemp("busy")
    bounds = {"max_queued_steps": STEPS + 100, "max_steps": STEPS, "request_timeout": 30}
    with serving(repository, folder, engine="onnx", **bounds) as running:
        yield running


def send(server: Server, content: bytes) -> socket.socket:
    """A request on a connection of its own, not waiting for its answer."""
    parts = urlsplit(server.url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0))
    head = f"POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.sendall(head.encode() + content)
    return connection


def metric(client: httpx.Client, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    total = 0.0
    for line in client.get("/metrics").text.splitlines():
        if re.match(rf"{name}[{{ ]", line) and all(f'{k}="{v}"' in line for k, v in labels.items()):
            total += float(line.rpartition(" ")[2])
    return total


def queued(client: httpx.Client) -> float:
    return metric(client, "ntm_queued_steps", model="copy", version="1")


def test_a_client_that_leaves_frees_its_place_and_is_counted(busy: Server) -> None:
    long, short = orjson.dumps(body(STEPS)), body(50, seed=3)
    with busy.client() as client:
        alone = client.post("/predict", json=short).json()["outputs"]
        before = metric(client, "ntm_requests_total", code="client_gone")
        connection = send(busy, long)
        await_that(lambda: queued(client) > 0)
        with ThreadPoolExecutor(1) as pool:
            neighbour = pool.submit(lambda: client.post("/predict", json=short))
            connection.close()
            await_that(lambda: queued(client) == 0)
            assert same(array(neighbour.result().json()["outputs"]), array(alone))
        gone = ("ntm_requests_total", "ntm_sequences_total")
        await_that(lambda: metric(client, gone[1], outcome="cancelled") >= 1)
        await_that(lambda: metric(client, gone[0], code="client_gone", model="copy") == before + 1)
        computed = metric(client, "ntm_steps_total", model="copy", version="1")
        assert computed < STEPS


def test_a_full_queue_answers_503_at_once_and_probes_go_on(busy: Server) -> None:
    with busy.client() as client:
        connection = send(busy, orjson.dumps(body(STEPS, memory_slots=1024)))  # slow ones
        await_that(lambda: queued(client) > 0)
        refused = client.post("/predict", json=body(10_000))
        assert refused.status_code == 503
        assert refused.json()["code"] == "queue_full"
        assert int(refused.headers["retry-after"]) >= 1
        for path in ("/v2/health/live", "/v2/health/ready", "/metrics"):
            assert client.get(path).status_code == 200
        assert queued(client) > 0, "nobody waited for the place"
        assert metric(client, "ntm_sequences_total", outcome="rejected") >= 1
        connection.close()
        await_that(lambda: queued(client) == 0)
        assert client.post("/predict", json=body(5)).status_code == 200


def test_a_timeout_of_its_own_frees_the_place(busy: Server) -> None:
    """It counts a sequence unless it passes while the body is read: so it grows until it does."""
    content = body(STEPS)
    with busy.client() as client:
        before = metric(client, "ntm_sequences_total", outcome="timed_out")
        timeout = 0.05
        while metric(client, "ntm_sequences_total", outcome="timed_out") == before:
            late = client.post("/predict", json=content | {"timeout": timeout})
            assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
            assert f"{timeout:g} seconds" in late.json()["error"]
            await_that(lambda: queued(client) == 0)
            timeout *= 1.5
        assert metric(client, "ntm_sequences_total", outcome="timed_out") == before + 1


@pytest.mark.parametrize("timeout", [0, -1, 31, "1", True, 1e999])
def test_a_timeout_that_is_none_is_422_or_400(busy: Server, timeout: object) -> None:
    with busy.client() as client:
        text = json.dumps(body(3, timeout=timeout)).encode()
        answer = client.post("/predict", content=text)
        assert answer.status_code == (400 if timeout == 1e999 else 422)
        assert "timeout" in answer.json()["error"] or answer.status_code == 400


def test_probes_do_not_wait_for_large_bodies(busy: Server) -> None:
    """They are answered while it is read; a busy machine may hold one up, but not every time."""
    rows = b"[" + b",".join([b"0.1234567"] * 6) + b"]"
    large = b'{"model":"copy","sequence":[' + b",".join([rows] * 300_000) + b"]}"

    def slowest_of_whole() -> float:
        """How much of the time that a large body takes the slowest probe waited."""
        slowest, started = 0.0, time.monotonic()
        with busy.client() as client, busy.client() as other, ThreadPoolExecutor(1) as pool:
            answer = pool.submit(lambda: other.post("/predict", content=large))
            while not answer.done():
                asked = time.monotonic()
                assert client.get("/v2/health/live").status_code == 200
                slowest = max(slowest, time.monotonic() - asked)
            assert answer.result().json()["code"] == "too_many_steps"
        return slowest / (time.monotonic() - started)

    assert any(slowest_of_whole() < 0.5 for _ in range(5))


@pytest.mark.parametrize(
    ("steps", "error"),
    [(STEPS, "sequence[0][0] should be a valid number"), (200_000, "sequence should have at most")],
)
def test_a_body_of_wrong_numbers_costs_little(busy: Server, steps: int, error: str) -> None:
    """No list of a million errors is made."""
    rows = b"[" + b",".join([b'"a"'] * 6) + b"]"
    wrong = b'{"model":"copy","sequence":[' + b",".join([rows] * steps) + b"]}"
    with busy.client() as client:
        before = busy.processor_seconds()
        answer = client.post("/predict", content=wrong)
        assert busy.processor_seconds() - before < 2
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(error)


def test_many_clients_that_come_and_go_leave_the_others_exact(busy: Server) -> None:
    sequences = [draw(steps, seed=steps) for steps in range(1, 40)]
    asked = [
        {"model": "copy", "version": 1, "sequence": x.tolist(), "record": False} for x in sequences
    ]
    with busy.client() as client:
        alone = [client.post("/predict", json=one).json()["outputs"] for one in asked]
        with ThreadPoolExecutor(8) as pool:
            leaving = [send(busy, orjson.dumps(one)) for one in asked]
            together = pool.map(lambda one: client.post("/predict", json=one), asked)
            for connection in leaving:
                connection.close()
            for answer, expected in zip(together, alone, strict=True):
                assert answer.status_code == 200
                assert answer.json()["outputs"] == expected
        await_that(lambda: queued(client) == 0)
