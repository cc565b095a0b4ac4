"""Work that lay in its socket for too long is refused unread, and everything else is answered."""

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.http.gate import Gate
from service.http.in_flight import InFlight
from service.http.keys import Keys
from service.http.socket_age import SocketAge
from tests.service.bodies import body
from tests.service.connections import request
from tests.service.running import PATIENCE, await_that, serving

TOO_LONG, TICK = 1.0, 0.05  # seconds: unread, and of the system's clock


async def answered(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads the body and says yes."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def ask(method: str, path: str, waited: float) -> tuple[int, dict[bytes, bytes], bool]:
    """The status and headers of an answer, and whether the body was read."""
    sent, read = [], []

    async def receive() -> dict[str, Any]:
        read.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    age = SocketAge(None)
    age.seconds = waited
    scope["state"] = {"socket_age": age}
    gate = Gate(answered, Keys(()), InFlight(TOO_LONG))
    asyncio.run(gate(scope, receive, send))  # type: ignore[arg-type]
    return sent[0]["status"], dict(sent[0]["headers"]), bool(read)


@pytest.mark.parametrize(
    ("method", "path", "waited", "status"),
    [
        ("POST", "/predict", TOO_LONG + 1, 503),
        ("POST", "/predict", TOO_LONG / 2, 200),
        ("GET", "/models", TOO_LONG + 1, 200),
        ("GET", "/metrics", TOO_LONG + 1, 200),
    ],
)
def test_work_is_refused_unread(method: str, path: str, waited: float, status: int) -> None:
    given, headers, read = ask(method, path, waited)
    assert given == status
    assert read == (status == 200)
    assert headers.get(b"retry-after") == (b"1" if status == 503 else None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_socket_tells_how_long_its_data_lay(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
    ):
        began = time.monotonic()
        client.sendall(b"hello")
        time.sleep(0.5)
        with listener.accept()[0] as connection:
            age = SocketAge(connection)
            age.measure()
            assert 0.5 <= age.seconds <= time.monotonic() - began + TICK
            assert connection.recv(5) == b"hello"
            began = time.monotonic()
            client.sendall(b"again")
            assert connection.recv(5) == b"again"
            age.measure()
            assert age.seconds <= time.monotonic() - began + TICK
            del age
            gc.collect()
            client.sendall(b"still")
            assert connection.recv(5) == b"still"
        SocketAge(connection).measure()  # closed: nothing to say, and nothing to close


def test_a_websocket_handshake_disturbs_nobody(repository: Path, tmp_path: Path) -> None:
    """Descriptors of connections that offered one are given to others, who must be left alone."""
    handshake = (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with serving(repository, tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        for _ in range(3):
            for _ in range(8):
                with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
                    connection.sendall(handshake)
                    assert connection.recv(2**16).startswith(b"HTTP/1.1 200 ")
            for _ in range(30):
                with server.client() as client:
                    answer = client.post("/predict", json=body(3))
                    assert answer.status_code == 200
                    assert client.get(f"/trace/{answer.json()['trace_id']}").status_code == 200
        assert server.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_stopped_service_refuses_what_came_meanwhile(repository: Path, tmp_path: Path) -> None:
    asked = request("/predict", {"content-type": "application/json"}, orjson.dumps(body(3)))
    with (
        serving(repository, tmp_path, unread_timeout=TOO_LONG) as server,
        server.client() as client,
        socket.create_connection((client.base_url.host, client.base_url.port or 0)) as early,
    ):
        early.settimeout(PATIENCE)
        early.sendall(request("/v2/health/live", {}, b"", "GET"))
        answer = b""
        while not answer.endswith(b'{"live":true}'):
            answer += early.recv(2**16)
        assert answer.startswith(b"HTTP/1.1 200 ")
        os.kill(server.process.pid, signal.SIGSTOP)
        early.sendall(asked)
        time.sleep(TOO_LONG + 0.5)
        os.kill(server.process.pid, signal.SIGCONT)
        late = b""
        while not late.endswith(b"}"):
            late += early.recv(2**16)
        assert late.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in late.lower()
        assert b'"code":"overloaded"' in late
        await_that(lambda: client.post("/predict", json=body(3)).status_code == 200)
