"""Accept loop of a listening socket: many connections in one turn of the event loop.

uvloop accepts one connection a turn. Under a flood turns are long, the backlog overflows, and the
system drops connections: clients then retry after ever longer pauses, or are reset.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial

log = logging.getLogger("ntm.server")

MOST = 1024  # connections accepted in one turn at most, when more and more wait
STEP_BACK = 0.002  # seconds that other processes have to take a connection
PAUSE = 0.5  # seconds until the next try when there is no room for another connection


class Acceptor:
    """Hands every connection of a listening socket to a protocol of its own."""

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[socket.socket], asyncio.Protocol],
        at_once: int,
        leads: Callable[[int], bool] = lambda opening: False,
    ) -> None:
        """Begin, on the running event loop.

        Args:
            listener: bound and listening; it stays open when this is closed
            make_protocol: makes what talks over an accepted socket; the transport owns the socket
            at_once: connections accepted in one turn of the loop; twice as many in the next one
                for as long as more wait
            leads: whether other processes should rather take the next, with so many being opened
        """
        self._listener, self._make_protocol = listener, make_protocol
        self._at_once = self._now = at_once
        self._loop = asyncio.get_running_loop()
        self._opening = set[asyncio.Task[None]]()
        self._leads, self._stepped_back = leads, False
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._watch()

    def close(self) -> None:
        """Accept no more."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener.fileno())

    async def wait_closed(self) -> None:
        """Return at once; part of the interface of asyncio's servers."""

    def _watch(self) -> None:
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(self._now):
            if self._others_first():
                self._rest(STEP_BACK)
                return
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._now = self._at_once
                return
            except OSError as error:  # no more files, or no memory
                log.error("no connection can be accepted for a moment: %s", error)
                self._rest(PAUSE)
                return
            task = self._loop.create_task(self._open(connection))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        self._now = min(2 * self._now, max(MOST, self._at_once))

    def _others_first(self) -> bool:
        """Whether to leave the next connection to other processes; never twice in a row."""
        self._stepped_back = not self._stepped_back and self._leads(len(self._opening))
        return self._stepped_back

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._pause = self._loop.call_later(seconds, self._watch)

    async def _open(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            make_protocol = partial(self._make_protocol, connection)
            await self._loop.connect_accepted_socket(make_protocol, connection)
        except OSError:  # the client has gone already
            connection.close()
