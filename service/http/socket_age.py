"""How long a request lay in its socket before it was looked at: in a flood, most of its time.

Connections come faster than bodies can be read, and what waits in sockets no queue of ours bounds.
Linux tells when a socket last received something, so that work that came too long ago is refused
unread: who is let in has waited for little else than the queue.
"""

import socket
import sys
from typing import Any

TOO_LONG = 1.0  # seconds
LAST_DATA_RECEIVED = slice(52, 56)  # milliseconds ago, in struct tcp_info


def has_waited_too_long(scope: Any) -> bool:
    """Whether a request should not be let in any more."""
    waited: float = scope.get("state", {}).get("waited", 0.0)
    return waited > TOO_LONG


class Watch:
    """Asks a connection how long ago it received something."""

    def __init__(self, connection: Any) -> None:
        """Watch a socket; uvloop's, which cannot be asked, under its number."""
        self._socket: socket.socket | None = None
        if sys.platform == "linux" and connection.family in (socket.AF_INET, socket.AF_INET6):
            number = connection.fileno()
            self._socket = socket.socket(connection.family, socket.SOCK_STREAM, fileno=number)

    def since_received(self) -> float:
        """Seconds since it last received something; 0 where the system does not tell."""
        if self._socket is None:
            return 0.0
        try:
            told = self._socket.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, LAST_DATA_RECEIVED.stop
            )
        except OSError:  # closed meanwhile
            return 0.0
        return int.from_bytes(told[LAST_DATA_RECEIVED], sys.byteorder) / 1000

    def end(self) -> None:
        """Ask no more; the connection stays as it is. Its number may soon be another's."""
        if self._socket is not None:
            self._socket.detach()
            self._socket = None
