"""How long a request lay in its socket before it was looked at: in a flood, most of its time.

Connections come faster than bodies can be read, and what waits in sockets no queue of ours bounds.
Linux tells when a socket last received something, so that work that came too long ago is refused
unread: who is let in has waited for little else than the queue.
"""

import socket
import sys
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TOO_LONG = 1.0  # seconds
LAST_DATA_RECEIVED = slice(52, 56)  # milliseconds ago, in struct tcp_info


class Protocol(HttpToolsProtocol):
    """uvicorn's, which also tells in the state of a request how long it has waited.

    Whenever there is a connection more or less it tells how many there are.
    """

    def __init__(self, *told: Any, count: Callable[[int], None], **named: Any) -> None:
        super().__init__(*told, **named)
        self._count = count

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._count(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        super().connection_lost(exc)
        self._count(len(self.connections))

    def on_headers_complete(self) -> None:
        """The request is about to reach the application."""
        self.scope["state"]["waited"] = since_received(self.transport.get_extra_info("socket"))
        super().on_headers_complete()


def has_waited_too_long(scope: Any) -> bool:
    """Whether a request should not be let in any more."""
    waited: float = scope.get("state", {}).get("waited", 0.0)
    return waited > TOO_LONG


def since_received(connection: Any) -> float:
    """Seconds since a connection last received something; 0 where the system does not tell."""
    if sys.platform != "linux" or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return 0.0
    # uvloop's sockets cannot be asked
    borrowed = socket.socket(connection.family, socket.SOCK_STREAM, fileno=connection.fileno())
    try:
        told = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, LAST_DATA_RECEIVED.stop)
    except OSError:  # closed meanwhile
        return 0.0
    finally:
        borrowed.detach()
    return int.from_bytes(told[LAST_DATA_RECEIVED], sys.byteorder) / 1000
