"""How long a request's bytes lay in their socket unread: in a flood, most of its waiting time.

Connections come faster than bodies can be read, and what waits in sockets no queue of ours bounds.
Linux says when a socket last received something, so that work which came too long ago is refused
unread: an admitted request has waited for little else than the queue.
"""

import socket
import sys
from typing import Any

LAST_DATA_RECEIVED = slice(52, 56)  # milliseconds ago, in struct tcp_info


def seconds_unread(scope: Any) -> float:
    """How long a request lay in its socket; 0 where nobody measures."""
    age: SocketAge | None = scope.get("state", {}).get("socket_age")
    return 0.0 if age is None else age.seconds


class SocketAge:
    """The age of what a connection received last, measured when it is read.

    It keeps the socket object itself and never a descriptor's number, which the system gives to
    another connection as soon as this one is closed.
    """

    __slots__ = ("_socket", "seconds")

    def __init__(self, accepted: socket.socket | None) -> None:
        """Measure a socket that somebody else owns; none, or one that is not TCP, has no age."""
        is_tcp = accepted is not None and accepted.family in (socket.AF_INET, socket.AF_INET6)
        self._socket = accepted if is_tcp and sys.platform == "linux" else None
        self.seconds = 0.0

    def measure(self) -> None:
        """Find out how many seconds ago the socket last received something."""
        if self._socket is None:
            return
        try:
            information = self._socket.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, LAST_DATA_RECEIVED.stop
            )
        except OSError:  # closed meanwhile
            return
        milliseconds = int.from_bytes(information[LAST_DATA_RECEIVED], sys.byteorder)
        self.seconds = milliseconds / 1000
