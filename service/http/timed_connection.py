"""Connections that end when their client is too slow, and make room for others.

A head and a body have to come in time, and an answer has to be read: else a client that sends half
a request, or reads nothing, keeps a connection and its memory for as long as it likes.
"""

import asyncio
import heapq
from typing import Any, NamedTuple

from service.http.connection import Connection

RATE = 2**16  # bytes of a body for which it gets one more second
MOST_HEAD = 2**16  # bytes
# Bytes of an answer that may wait unread without a deadline. Not 0: head and body of a short answer
# would be sent apart, with a timer and a turn of the event loop between them.
UNREAD = 2**14
EVICTED = 16  # connections that make room at once for another one
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Patience(NamedTuple):
    """How long to wait for clients, in seconds, and for how many of them."""

    head: float
    body: float
    write: float
    connections: int


class TimedConnection(Connection):
    """Has deadlines for what is read and written."""

    def __init__(self, *, patience: Patience, **named: Any) -> None:
        """Make the protocol of one connection.

        Args:
            patience: with its client
            named: what `Connection` takes
        """
        super().__init__(**named)
        self._patience = patience
        self._part: str | None = "head"  # of a request that is awaited; None once it is complete
        self._began: float | None = None  # when that part did
        self._received = 0  # bytes of it
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a request that has come is not answered yet."""
        return self._part is None and not self.cycle.response_complete

    @property
    def since(self) -> float:
        """When it began to wait for a request, or to do nothing."""
        return self._began or 0.0

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        transport.set_write_buffer_limits(high=UNREAD, low=0)
        super().connection_made(transport)
        self._begin_part()
        if len(self.connections) > self._patience.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        for timer in (self._reading, self._writing):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._received += len(data)
        super().data_received(data)
        if self._part is None:
            return
        if self._began is None:
            self._begin_part()
        if self._part == "head" and self._received > MOST_HEAD:
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """See httptools."""
        if self._part is None:
            self._part, self._began = "head", None
        self._received = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._part, self._began, self._received = "body", None, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """See httptools."""
        self._part = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """See asyncio: something of an answer has not been read yet."""
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(self._patience.write, self.transport.abort)

    def resume_writing(self) -> None:
        """See asyncio: everything has been read."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        super().resume_writing()

    def _begin_part(self) -> None:
        self._began = self.loop.time()
        if self._reading is None:
            self._reading = self.loop.call_at(self._due(), self._end_if_late)

    def _due(self) -> float:
        """When the part that is awaited should be there."""
        assert self._began is not None
        if self._part == "head":
            return self._began + self._patience.head
        return self._began + self._patience.body + self._received / RATE

    def _end_if_late(self) -> None:
        """Close the connection unless what is awaited has come, or is not read by ourselves."""
        self._reading = None
        if self._part is None or self._began is None or self.transport.is_closing():
            return
        due, now = self._due(), self.loop.time()
        if self.flow.read_paused:
            due = now + self._patience.body
        if now < due:
            self._reading = self.loop.call_at(due, self._end_if_late)
        else:
            self.transport.abort()

    def _make_room(self) -> None:
        """End those that have waited the longest without a whole request."""
        waiting = [
            each
            for each in self.connections
            if isinstance(each, TimedConnection) and each is not self and not each.is_busy
        ]
        for each in heapq.nsmallest(EVICTED, waiting, key=lambda each: each.since):
            each.transport.abort()
