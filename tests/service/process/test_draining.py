"""The end of the service: new work is told, old work finishes, nobody holds it up."""

import signal
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import orjson
import pytest

from tests.service.bodies import body
from tests.service.running import PATIENCE, Server, await_that, refused, serving

LONG = 2000  # steps: seconds of work
FOREVER = 600  # seconds: more than any test has


class Asking(threading.Thread):
    """One request on a thread of its own."""

    def __init__(self, server: Server, steps: int) -> None:
        super().__init__()
        self.server, self.steps, self.status = server, steps, 0

    def run(self) -> None:
        try:
            with self.server.client() as client:
                asked = body(self.steps, memory_slots=16_384, record=False)
                self.status = client.post("/predict", json=asked).status_code
        except httpx.TransportError:
            self.status = -1


def is_busy(client: httpx.Client) -> bool:
    """Whether steps are queued."""
    lines = client.get("/metrics").text.splitlines()
    queues = [line for line in lines if line.startswith("ntm_queued_steps{")]
    return any(not line.endswith(" 0.0") for line in queues)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_ends_at_once_with_0(repository: Path, tmp_path: Path, number: int) -> None:
    settings = {"engine": "onnx", "drain_timeout": FOREVER}
    with serving(repository, tmp_path, **settings) as server, server.client() as client:
        assert client.get("/models").status_code == 200  # and its connection is kept alive
        assert server.stop(number) == 0


def test_draining_refuses_new_work_and_finishes_the_old(repository: Path, tmp_path: Path) -> None:
    settings = {"engine": "onnx", "drain_timeout": FOREVER, "request_timeout": FOREVER}
    with serving(repository, tmp_path, **settings) as server, server.client() as client:
        asking = Asking(server, LONG)
        asking.start()
        await_that(lambda: is_busy(client))
        server.process.send_signal(signal.SIGTERM)
        await_that(lambda: client.get("/v2/health/ready").status_code == 503)
        assert client.get("/v2/health/ready").json() == {"ready": False}
        assert client.get("/v2/health/live").status_code == 200
        assert client.get("/metrics").status_code == 200
        for answer in (client.post("/predict", json=body()), client.get("/models")):
            assert (answer.status_code, answer.json()["code"]) == (503, "draining")
            assert int(answer.headers["retry-after"]) > 0
        with server.client() as fresh:  # connections are still taken, to be told so
            assert fresh.post("/predict", json=body()).status_code == 503
        assert asking.is_alive()
        asking.join()
        assert asking.status == 200
        assert server.process.wait(PATIENCE) == 0


def test_what_takes_too_long_is_given_up(repository: Path, tmp_path: Path) -> None:
    settings = {"engine": "onnx", "drain_timeout": 1, "request_timeout": FOREVER}
    with serving(repository, tmp_path, **settings) as server:
        asking = Asking(server, 20 * LONG)
        asking.start()
        with server.client() as client:
            await_that(lambda: is_busy(client))
            assert server.stop() == 0
        asking.join()
        assert asking.status != 200


def test_a_slow_client_does_not_hold_the_end_up(repository: Path, tmp_path: Path) -> None:
    waits = dict.fromkeys(("head_timeout", "body_timeout", "request_timeout"), FOREVER)
    with serving(repository, tmp_path, engine="onnx", drain_timeout=1, **waits) as server:
        url = httpx.URL(server.url)
        started = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        with (
            socket.create_connection((url.host, url.port or 0)) as idle,
            socket.create_connection((url.host, url.port or 0)) as in_headers,
            socket.create_connection((url.host, url.port or 0)) as in_body,
        ):
            in_headers.sendall(started[:30])
            in_body.sendall(started)
            with server.client() as client:
                assert client.get("/v2/health/live").status_code == 200  # the others came before
            assert server.stop() == 0
            assert idle.recv(1) == b""


def reset_when_sent(server: Server, content: bytes) -> None:
    """Send a request and reset the connection without reading its answer."""
    url = httpx.URL(server.url)
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection((url.host, url.port or 0)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(head.encode() + content)


def test_clients_that_reset_their_connections_take_no_answer_and_hold_no_end_up(
    repository: Path, tmp_path: Path
) -> None:
    long, broken = orjson.dumps(body(200)), b"{"
    with serving(repository, tmp_path, engine="onnx", drain_timeout=FOREVER) as server:
        with server.client() as client, ThreadPoolExecutor(8) as pool:
            resets = [
                pool.submit(reset_when_sent, server, content) for content in [long, broken] * 60
            ]
            for _ in range(10):
                assert client.post("/predict", json=body(5)).status_code == 200
            for reset in resets:
                reset.result()
            await_that(lambda: not is_busy(client))
        assert server.stop() == 0


def test_a_port_that_is_taken_is_told(server: Server, repository: Path, tmp_path: Path) -> None:
    code, log = refused(repository, tmp_path, port=httpx.URL(server.url).port or 0)
    assert code == 1
    assert "cannot listen on 127.0.0.1" in log
