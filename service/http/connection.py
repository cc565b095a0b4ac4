"""Requests and answers on a connection: uvicorn's way, shorter where answers are short.

uvicorn looks at every character of every header of every answer, and writes them before the body.
Most headers are the same from answer to answer, so that it is enough to look at each once, and an
answer whose body is there is written with its head.

A request that the fast path takes gets no cycle of uvicorn's, with a task and an event, but a short
one.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.types import Message, Scope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from service.api.prediction import Errand, FastPath
from service.http.headers import lines
from service.http.socket_age import Watch

PATH = b"/predict"
DECIDE_FRAMING = frozenset((b"connection", b"transfer-encoding"))


class Connection(HttpToolsProtocol):
    """A client's connection, which tells in a request's state how long it has waited unread.

    Whenever there is a connection more or less it tells how many there are.
    """

    def __init__(
        self,
        *told: Any,
        count: Callable[[int], None],
        fast_path: FastPath | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*told, **named)
        self._count, self._fast_path = count, fast_path
        self._short: ShortCycle | None = None

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._watch = Watch(transport.get_extra_info("socket"))
        self._count(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        super().connection_lost(exc)
        if self._short is not None:
            self._short.client_left()
        self._watch.end()
        self._count(len(self.connections))

    def on_headers_complete(self) -> None:
        """The request is about to reach the application, or has to wait for the one before."""
        self.scope["state"]["waited"] = self._watch.since_received()
        scope: Any = self.scope
        if self._is_for_the_fast_path(scope):
            short = ShortCycle(scope, self._write_answer)
            self._short = self.cycle = short  # type: ignore[assignment]
        else:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request's body is there."""
        super().on_message_complete()
        cycle: Any = self.cycle
        if isinstance(cycle, ShortCycle) and self._fast_path is not None:
            cycle.begin(self._fast_path)

    def _is_for_the_fast_path(self, scope: Scope) -> bool:
        if self._fast_path is None or self.url != PATH or self.root_path:
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            return False  # it is answered after the one before
        if self.flow.write_paused:
            return False  # who does not read answers has to wait for more
        parser = self.parser
        if self.expect_100_continue or parser.should_upgrade() or not parser.should_keep_alive():
            return False
        path, method = self.url.decode("ascii"), parser.get_method().decode("ascii")
        scope.update(method=method, path=path, raw_path=self.url, query_string=b"")
        return parser.get_http_version() == "1.1" and self._fast_path.takes(scope)

    def _write_answer(self, cycle: "ShortCycle", status: int, head: bytes, body: bytes) -> None:
        """Write what the fast path answers, and turn to the next request."""
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        default = lines(self.server_state.default_headers)
        self.transport.write(b"".join([STATUS_LINE[status], default, head, end, body]))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        answer = Answer(cycle)
        super()._start_asgi_task(cycle, lambda scope, receive, _: app(scope, receive, answer.send))


class ShortCycle:
    """What a connection has to know of a request on the fast path; see uvicorn's own."""

    message_event = asyncio.Event()  # nobody waits for it

    def __init__(self, scope: Scope, write: Callable[..., None]) -> None:
        self._scope, self._write = scope, write
        self._errand: Errand | None = None
        self.body = bytearray()
        self.more_body = self.keep_alive = True
        self.disconnected = self.response_complete = False

    def begin(self, fast_path: FastPath) -> None:
        """Its body is there."""
        body, self.body = bytes(self.body), bytearray()
        errand = fast_path.begin(self._scope, body, self._answer)
        self._errand = None if self.response_complete else errand

    def client_left(self) -> None:
        """Nobody reads what is written any more."""
        self.disconnected = True
        if self._errand is not None:
            self._errand.client_left()

    def _answer(self, status: int, head: bytes, body: bytes) -> None:
        self.response_complete, self._errand = True, None
        if not self.disconnected:
            self._write(self, status, head, body)


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
        status = STATUS_LINE[head["status"]]
        cycle.transport.write(b"".join([status, lines(headers), b"\r\n", body]))
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        cycle.on_response()
        return True
