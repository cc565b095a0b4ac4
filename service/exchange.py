"""Requests and answers on a connection: uvicorn's way, shorter where answers are short.

uvicorn looks at every character of every header of every answer, and writes them before the body.
Most headers are the same from answer to answer, so that it is enough to look at each once, and an
answer whose body is there is written with its head.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from service.waiting import Watch

KNOWN_HEADERS = 1024  # that are not looked at again
DECIDE_FRAMING = frozenset((b"connection", b"transfer-encoding"))


class Connection(HttpToolsProtocol):
    """A client's connection, which tells in a request's state how long it has waited unread.

    Whenever there is a connection more or less it tells how many there are.
    """

    def __init__(self, *told: Any, count: Callable[[int], None], **named: Any) -> None:
        super().__init__(*told, **named)
        self._count = count

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._watch = Watch(transport.get_extra_info("socket"))
        self._count(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        super().connection_lost(exc)
        self._watch.end()
        self._count(len(self.connections))

    def on_headers_complete(self) -> None:
        """The request is about to reach the application."""
        self.scope["state"]["waited"] = self._watch.since_received()
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        answer = Answer(cycle)
        super()._start_asgi_task(cycle, lambda scope, receive, _: app(scope, receive, answer.send))


class Answer:
    """What an application sends; its head waits for the body, so that both can be written."""

    __slots__ = ("_cycle", "_head")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        """See ASGI."""
        if self._head is None:
            if message["type"] == "http.response.start" and not self._cycle.response_started:
                self._head = message
            else:
                await self._cycle.send(message)  # type: ignore[arg-type]
            return
        head, self._head = self._head, None
        if not self._write_at_once(head, message):
            await self._cycle.send(head)  # type: ignore[arg-type]
            await self._cycle.send(message)  # type: ignore[arg-type]

    def _write_at_once(self, head: Message, message: Message) -> bool:
        """Write an answer that is complete and plain; anything else is for uvicorn."""
        cycle, body = self._cycle, message.get("body", b"")
        headers = [*cycle.default_headers, *head["headers"]]
        told = {name.lower(): value for name, value in headers}
        if (
            message["type"] != "http.response.body"
            or message.get("more_body", False)
            or told.get(b"content-length") != b"%d" % len(body)
            or not DECIDE_FRAMING.isdisjoint(told)
            or not cycle.keep_alive
            or cycle.disconnected
            or cycle.flow.write_paused
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        lines = [line(name, value) for name, value in headers]
        cycle.transport.write(b"".join([STATUS_LINE[head["status"]], *lines, b"\r\n", body]))
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        cycle.on_response()
        return True


@lru_cache(KNOWN_HEADERS)
def line(name: bytes, value: bytes) -> bytes:
    """A header as it is written.

    Raises:
        RuntimeError: it would break an answer apart
    """
    if HEADER_RE.search(name):
        raise RuntimeError(f"invalid name of a header: {name!r}")
    if HEADER_VALUE_RE.search(value):
        raise RuntimeError(f"invalid value of the header {name!r}")
    return b"%s: %s\r\n" % (name.lower(), value)
