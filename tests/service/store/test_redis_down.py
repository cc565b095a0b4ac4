"""Redis down, hanging, killed and back: predictions go on, sessions say 503, nothing hangs."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.bodies import array, body, draw, same
from tests.service.redis_server import RedisServer, needs_redis
from tests.service.running import Server, await_that, refused, serving
from tests.service.sessions.streams import at_once, begin, outputs, send

pytestmark = needs_redis
TIMEOUT = 2.0  # seconds


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of its own, started."""
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.kill()


@pytest.fixture
def server(repository: Path, tmp_path: Path, store: RedisServer) -> Iterator[Server]:
    """The service on it."""
    with serving(repository, tmp_path, store=store.url, store_timeout=TIMEOUT) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def predict(client: httpx.Client) -> tuple[dict[str, object], httpx.Headers]:
    answer = client.post("/predict", json=body())
    assert answer.status_code == 200, answer.text
    return answer.json(), answer.headers


def recovers(client: httpx.Client) -> None:
    """By itself, after a pause."""
    await_that(lambda: predict(client)[0]["trace_id"] is not None)


def check_down(client: httpx.Client, session: str, trace: object) -> None:
    """What a client sees while there is no store; none of it takes longer than the time-out."""
    for _ in range(3):
        began = time.monotonic()
        told, headers = predict(client)
        assert told["trace_id"] is None
        assert headers["warning"] == '199 ntm "the store does not answer: no trace was kept"'
        answers = [
            client.post("/sessions", json={"model": "copy"}),
            send(client, session, draw(3)),
            client.get(f"/sessions/{session}"),
            client.delete(f"/sessions/{session}"),
            client.get(f"/trace/{trace}"),
            client.get("/trace"),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/metrics").status_code == 200
        assert time.monotonic() - began < 8 * TIMEOUT
    tensor = {"name": "sequence", "shape": [2, 6], "datatype": "FP32", "data": [0] * 12}
    infer = client.post("/v2/models/copy/infer", json={"inputs": [tensor]})
    assert infer.status_code == 200
    assert "trace_id" not in infer.json()["parameters"]
    assert "no trace was kept" in infer.headers["warning"]


def test_a_killed_redis_comes_back_with_all_that_was_answered(
    client: httpx.Client, store: RedisServer
) -> None:
    session, sequence = begin(client), draw(30)
    first = outputs(send(client, session, sequence[:10]))
    told, headers = predict(client)
    assert "warning" not in headers
    store.kill()
    check_down(client, session, told["trace_id"])
    store.start()
    recovers(client)
    assert client.get(f"/trace/{told['trace_id']}").status_code == 200
    assert same(outputs(send(client, session, sequence[:10], position=0)), first)
    rest = outputs(send(client, session, sequence[10:], position=10))
    assert same(rest, at_once(client, sequence)[10:])
    assert same(array(client.get(f"/trace/{session}").json()["inputs"]), sequence)


def test_a_redis_that_hangs_keeps_nobody_waiting(client: httpx.Client, store: RedisServer) -> None:
    session, told = begin(client), predict(client)[0]
    store.signal(signal.SIGSTOP)
    try:
        check_down(client, session, told["trace_id"])
    finally:
        store.signal(signal.SIGCONT)
    recovers(client)
    assert client.get(f"/trace/{told['trace_id']}").status_code == 200


def test_a_full_redis_refuses_and_the_service_goes_on(
    client: httpx.Client, store: RedisServer
) -> None:
    store.ask("CONFIG SET maxmemory 1")
    assert predict(client)[0]["trace_id"] is None
    assert client.post("/sessions", json={"model": "copy"}).json()["code"] == "store_unavailable"
    store.ask("CONFIG SET maxmemory 0")
    assert predict(client)[0]["trace_id"] is not None


def test_the_service_starts_before_redis_does(repository: Path, tmp_path: Path) -> None:
    store = RedisServer(tmp_path / "redis")
    settings = {"store": store.url, "store_timeout": TIMEOUT}
    with serving(repository, tmp_path, **settings) as server, server.client() as client:
        assert predict(client)[0]["trace_id"] is None
        store.start()
        try:
            recovers(client)
        finally:
            store.kill()


def test_a_url_that_is_none_is_refused(repository: Path, tmp_path: Path) -> None:
    code, log = refused(repository, tmp_path, store="redis://127.0.0.1:port/0")
    assert code == 1
    assert "NTM_STORE" in log
    assert "Traceback" not in log
