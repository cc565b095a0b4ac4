"""Answers are written byte for byte as uvicorn alone writes them, and upgrades are ignored."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from service.http.connection import Connection

Send = Callable[[Any], Any]
DEFAULT = [(b"date", b"today"), (b"server", b"uvicorn")]
PLAIN = [(b"content-type", b"text/plain"), (b"content-length", b"5"), (b"x-request-id", b"abc")]
TYPED = PLAIN[:1]

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
ASKED = {
    "one and the last": GET + LAST,
    "the last": LAST,
    "HEAD": b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "a body that waits for a word": (
        b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n"
        b"connection: close\r\n\r\nhello"
    ),
    "many at once": GET * 5 + LAST,
}


def start(headers: list[tuple[bytes, bytes]], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def part(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


SENT: dict[str, list[Any]] = {
    "plain": [start(PLAIN), part(b"hello")],
    "in capitals": [start([(b"Content-Length", b"5"), (b"X-Y", b"Z")]), part(b"hello")],
    "an error": [start(PLAIN, 404), part(b"hello")],
    "nothing": [start([], 204), part(b"")],
    "of no length": [start(TYPED), part(b"hello")],
    "in parts": [start(PLAIN), part(b"he", True), part(b"llo")],
    "in chunks": [start(TYPED), part(b"he", True), part(b""), part(b"late")],
    "to be closed": [start([*PLAIN, (b"Connection", b"close")]), part(b"hello")],
    "chunked as told": [start([*TYPED, (b"transfer-encoding", b"chunked")]), part(b"hello")],
    "too short": [start(PLAIN), part(b"hell")],
    "too long": [start(PLAIN), part(b"hello!")],
    "a body first": [part(b"hello"), start(PLAIN)],
    "two heads": [start(PLAIN), start(PLAIN), part(b"hello")],
    "two answers": [start(PLAIN), part(b"hello"), start(PLAIN), part(b"hello")],
    "a head alone": [start(PLAIN)],
    "none": [],
    "a broken name": [start([*PLAIN, (b"x\r\ny", b"z")]), part(b"hello")],
    "a broken value": [start([*PLAIN, (b"x", b"y\r\nset-cookie: z")]), part(b"hello")],
    "an unknown message": [start(PLAIN), {"type": "http.response.trailers"}],
}


def answers(make: Callable[..., asyncio.Protocol], asked: bytes, sent: list[Any]) -> bytes:
    """All that a client reads until the connection ends, or nothing comes any more."""

    async def app(scope: Any, receive: Any, send: Send) -> None:
        await receive()
        for message in sent:
            await send(message)

    async def main() -> bytes:
        config = uvicorn.Config(app, log_config=None, lifespan="off")
        config.load()
        state = ServerState()
        state.default_headers = DEFAULT
        server = await asyncio.get_running_loop().create_server(
            lambda: make(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(asked)
        got = b""
        while piece := await asyncio.wait_for(reader.read(2**16), 60):
            got += piece
        writer.close()
        server.close()
        return got

    return asyncio.run(main())


def counted(**named: Any) -> Connection:
    return Connection(count=lambda connections: None, **named)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("sent", SENT)
def test_bytes_are_those_of_uvicorn(asked: str, sent: str) -> None:
    ours, theirs = (
        answers(make, ASKED[asked], SENT[sent]) for make in (counted, HttpToolsProtocol)
    )
    assert ours == theirs


UPGRADES = {
    "h2c": ("Upgrade, HTTP2-Settings", "h2c"),
    "websocket": ("keep-alive, Upgrade", "websocket"),
}


def upgrading(kind: str, body: bytes, name: str = "Upgrade", method: str = "POST") -> bytes:
    """A request that offers to switch protocols."""
    connection, protocol = UPGRADES[kind]
    return (
        f"{method} / HTTP/1.1\r\nhost: x\r\nConnection: {connection}\r\n{name}: {protocol}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body


async def echo(scope: Any, receive: Any, send: Send) -> None:
    """Answers with the body it reads."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send(start([(b"content-length", b"%d" % len(body))]))
    await send(part(body))


def echoes(pieces: list[bytes], count: int) -> list[bytes]:
    """The bodies that come back on one connection, in order."""

    async def main() -> list[bytes]:
        config = uvicorn.Config(echo, log_config=None, lifespan="off", ws="none")
        config.load()
        state = ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: counted(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        bodies = []
        for _ in range(count):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            bodies.append(await reader.readexactly(length))
        writer.close()
        server.close()
        return bodies

    return asyncio.run(main())


@pytest.mark.parametrize("kind", UPGRADES)
@pytest.mark.parametrize("name", ["Upgrade", "UPGRADE", "upgrade"])
def test_an_upgrade_is_ignored_and_the_body_read(kind: str, name: str) -> None:
    """Wherever packets end, for many requests in one, and what looks like a header in a body."""
    bodies = [b"hello", b"", b"one\r\nUpgrade: h2c\r\n\r\ntwo\nupgrade: x", b"last"]
    sent = b"".join(upgrading(kind, body, name) for body in bodies)
    assert echoes([sent], len(bodies)) == bodies
    assert echoes([sent[i : i + 1] for i in range(len(sent))], len(bodies)) == bodies
    for size in (7, 61, 97):
        pieces = [sent[i : i + size] for i in range(0, len(sent), size)]
        assert echoes(pieces, len(bodies)) == bodies


def test_every_split_of_one_upgrade_is_ignored() -> None:
    sent, count = upgrading("h2c", b"hello"), 0
    pieces = list[bytes]()
    for cut in range(1, len(sent)):
        pieces += [sent[:cut], sent[cut:]]
        count += 1

    async def fed() -> int:
        """The bodies that were read; packets come as they are cut, past any socket."""
        config = uvicorn.Config(echo, log_config=None, lifespan="off", ws="none")
        config.load()
        written = bytearray()
        protocol = counted(config=config, server_state=ServerState(), app_state={})
        protocol.connection_made(Written(written))
        for piece in pieces:
            protocol.data_received(piece)
            for _ in range(4):
                await asyncio.sleep(0)
        protocol.connection_lost(None)
        return written.count(b"\r\n\r\nhello")

    assert asyncio.run(fed()) == count


class Written(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self, written: bytearray) -> None:
        super().__init__()
        self._written = written

    def write(self, data: Any) -> None:
        self._written += data

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass
