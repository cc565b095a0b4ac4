"""Clients that are too slow are let go, and probes are answered beside them."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.service.bodies import body
from tests.service.running import PATIENCE, Server, await_that, serving

SHORT = 2.0  # seconds: long enough for a client on a busy machine
HEAD = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"

HALVES = {
    "nothing": b"",
    "half a head": HEAD[:40],
    "a head without its end": HEAD,
    "half a body": HEAD + b'content-length: 1000\r\n\r\n{"model',
    "half a chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n100\r\n{",
    "a second request": b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\nGET /v2/hea",
}


@pytest.fixture(scope="module")
def hasty(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that waits for whatever its clients do, but not for long."""
    waits = dict.fromkeys(("head_timeout", "body_timeout", "write_timeout"), SHORT)
    with serving(repository, tmp_path_factory.mktemp("hasty"), **waits) as server:
        yield server


def connect(server: Server, receive_buffer: int | None = None) -> socket.socket:
    connection = socket.socket()
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(PATIENCE)
    host, _, port = server.url.removeprefix("http://").partition(":")
    connection.connect((host, int(port)))
    return connection


def read_to_end(connection: socket.socket) -> int:
    """Bytes that come before the server closes the connection."""
    read = 0
    with suppress(ConnectionResetError):
        while part := connection.recv(2**16):
            read += len(part)
    return read


def test_half_a_request_is_not_waited_for(hasty: Server) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(hasty)) for _ in HALVES]
        for connection, sent in zip(connections, HALVES.values(), strict=True):
            connection.sendall(sent)
        for connection in connections:
            read_to_end(connection)  # or this ends with a timeout


def test_a_drop_now_and_then_is_no_request(hasty: Server) -> None:
    """Every byte comes in time, all of them do not."""
    with connect(hasty) as connection:
        deadline = time.monotonic() + PATIENCE
        with suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() < deadline:
                connection.sendall(b"a")
                time.sleep(0.02)
        assert time.monotonic() < deadline


def test_a_head_has_an_end(hasty: Server) -> None:
    with connect(hasty) as connection:
        try:
            connection.sendall(HEAD + b"x-a: " + b"a" * 2**20)
        except OSError:  # it is closed already
            return
        read_to_end(connection)


def test_a_request_may_take_longer_than_its_head_and_body(hasty: Server) -> None:
    """What is slow here is not the client; and it may be idle between two requests."""
    with hasty.client() as client:
        asked = body(steps=2000)
        assert client.post("/predict", json=asked).status_code == 200
        time.sleep(1.2 * SHORT)
        assert client.post("/predict", json=asked).status_code == 200


def test_an_answer_that_nobody_reads_is_not_kept(hasty: Server) -> None:
    asked = json.dumps(body(steps=1500, memory_slots=512, include=["read_weightings"])).encode()
    with connect(hasty, receive_buffer=4096) as connection:
        connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(asked) + asked)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        with hasty.client() as client:
            await_that(
                lambda: 'ntm_bytes_in_flight{of="answers"} 0.0' in client.get("/metrics").text
            )
        read = read_to_end(connection)
    with hasty.client() as client:
        assert len(client.post("/predict", content=asked).content) > read


def test_probes_have_room_beside_half_requests(repository: Path, tmp_path: Path) -> None:
    """At the most connections there may be those go that have waited longest."""
    with serving(repository, tmp_path, max_connections=64, head_timeout=600) as server:
        halves = [connect(server) for _ in range(200)]
        for half in halves:
            half.sendall(HEAD)
        for _ in range(5):
            with server.client() as client:
                assert client.get("/v2/health/live").status_code == 200
        for half in halves[:100]:
            read_to_end(half)
        for half in halves:
            half.close()
