"""Whatever an application sends is written byte for byte as uvicorn alone writes it."""

import asyncio
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
        while piece := await asyncio.wait_for(reader.read(2**16), 5):
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
    if sent in ("a head alone", "two heads", "an unknown message", "too short", "too long"):
        # uvicorn has sent the head by the time it sees that something is wrong
        assert ours == theirs or b" 500 " in ours
    elif sent.startswith("a broken"):
        assert b" 500 " in ours or ours == theirs
        assert b"set-cookie" not in ours
        assert b"hello" not in ours
    else:
        assert ours == theirs
        assert ours


class Transport:
    """A transport, and what is written to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self.written = transport, list[bytes]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self._transport.write(data)


def test_an_answer_is_written_at_once() -> None:
    transports = list[Transport]()

    class Watched(Connection):
        def connection_made(self, transport: Any) -> None:
            transports.append(Transport(transport))
            super().connection_made(transports[0])

    def make(**named: Any) -> Connection:
        return Watched(count=lambda connections: None, **named)

    got = answers(make, GET + GET + LAST, SENT["plain"])
    written = transports[0].written
    assert b"".join(written) == got
    assert [piece.endswith(b"\r\n\r\nhello") for piece in written[:2]] == [True, True]
