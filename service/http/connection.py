"""A client's connection: uvicorn's HTTP/1.1 protocol, counted, and deaf to protocol upgrades.

No request switches protocols here: one that offers to (`Upgrade: h2c`, as Java's HttpClient does by
default, or `Upgrade: websocket`) is answered as if it had not. The parser takes what follows such a
head for another protocol and loses the body, so the header's name is changed before it gets there.

Overridden are asyncio's callbacks, and those of httptools' that say where a head ends and begins.
"""

import socket
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http.disconnect import Departure
from service.http.socket_age import SocketAge

UPGRADE = b"upgrade:"
PREFIX = b"ignored-"  # makes another name of it
MAY_BEGIN = frozenset(b"\n" + UPGRADE)  # what packets end with where the next may make a name of it


class Connection(HttpToolsProtocol):
    """Counts connections, and tells requests how long their bytes lay in the socket."""

    def __init__(
        self,
        *,
        app_state: dict[str, Any],
        count: Callable[[int], None],
        accepted: socket.socket | None = None,
        **named: Any,
    ) -> None:
        """Make the protocol of one connection.

        Args:
            app_state: of every request; `socket_age` and `departure` are added to it
            count: called with the number of open connections whenever it changes
            accepted: the socket, which the transport owns and closes
            named: what else uvicorn's protocol takes
        """
        self._socket_age = SocketAge(accepted)
        self._departure = Departure()
        state = {**app_state, "socket_age": self._socket_age, "departure": self._departure}
        super().__init__(app_state=state, **named)
        self._count = count
        self._in_head = True
        self._body_left = 0  # bytes that are certainly of the body
        self._begun: bytes | None = None  # of the name UPGRADE, at the end of the last packet

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._count(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        super().connection_lost(exc)
        self._departure.happen()
        self._count(len(self.connections))

    def data_received(self, data: bytes) -> None:
        """See asyncio; Upgrade headers in it get another name."""
        self._socket_age.measure()
        if len(data) < self._body_left:  # no head in it: bodies are long, and searched for nothing
            self._begun = None
            super().data_received(data)
            return
        lowered, fed = data.lower(), 0
        if self._begun is not None and (self._begun + lowered).startswith(UPGRADE):
            self._rename_header()
        while (end_of_line := lowered.find(b"\n" + UPGRADE, fed)) >= 0:
            super().data_received(data[fed : end_of_line + 1])
            if self.transport.is_closing():  # it was refused
                return
            self._rename_header()
            fed = end_of_line + 1
        super().data_received(data[fed:] if fed else data)
        self._begun = self._beginning_of_name(lowered) if lowered[-1] in MAY_BEGIN else None

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._in_head = False
        self._body_left = int(dict(self.headers).get(b"content-length", 0))
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        self._body_left -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        self._in_head, self._body_left = True, 0
        super().on_message_complete()
        if not self.pipeline:  # a long body has paused reading, which shows departures
            self.flow.resume_reading()

    def _rename_header(self) -> None:
        """Make another name of the header line that follows, or has begun; bodies stay."""
        if self._in_head:
            super().data_received(PREFIX)

    def _beginning_of_name(self, lowered: bytes) -> bytes | None:
        """What the last packets end with, where the next one may make an Upgrade header of it."""
        line = lowered[lowered.rfind(b"\n") + 1 :]
        if b"\n" not in lowered:
            if self._begun is None:
                return None
            line = self._begun + line
        return line if len(line) < len(UPGRADE) and UPGRADE.startswith(line) else None
