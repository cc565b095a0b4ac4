"""The server of one process: uvicorn with graceful shutdown (draining)."""

import asyncio
import logging
import math
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from service.http.in_flight import InFlight
from service.http.timed_connection import Patience, TimedConnection
from service.process.accepting import Acceptor
from service.process.balance import Balance
from service.process.descriptors import room_for_connections
from service.settings import Settings

log = logging.getLogger("ntm.server")

LOOKS_PER_SECOND = 50
PATIENCE = 5.0  # seconds to wait for the other workers before the first connection is taken
BACKLOG = 4096  # connections that wait to be accepted, as far as the system allows
# seconds an idle connection stays open: longer than clients and proxies hold theirs, since a client
# that reuses a connection at the moment the server closes it sees a reset
KEEP_ALIVE = 75
# connections that one turn of the event loop takes; few where other processes want their share
ACCEPTED_ALONE, ACCEPTED_AMONG_OTHERS = 64, 8


class Server(uvicorn.Server):
    """Ends with exit code 0 on SIGTERM and SIGINT, within NTM_DRAIN_TIMEOUT.

    uvicorn closes its listening socket at once and ends by the signal that it got. Here the socket
    stays open: the readiness probe fails and new requests get 503 while the others finish.
    """

    def __init__(self, app: FastAPI, settings: Settings, work: InFlight, balance: Balance) -> None:
        # uvicorn's own logging would write lines of another shape
        config = uvicorn.Config(
            app,
            http=TimedConnection,
            ws="none",  # there are no WebSockets here
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE,
        )
        super().__init__(config)
        self._drain_timeout, self._work = settings.drain_timeout, work
        self._balance = balance
        self._patience = Patience(
            settings.head_timeout,
            settings.body_timeout,
            settings.write_timeout,
            room_for_connections(settings.max_connections),
        )
        self._accepted = ACCEPTED_ALONE if settings.workers == 1 else ACCEPTED_AMONG_OTHERS
        self._draining: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """In place of uvicorn's handlers."""
        loop, numbers = asyncio.get_running_loop(), (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self.drain, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_IGN)  # it is ending already

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and log the address."""
        await super().startup([])

        def make_connection(accepted: socket.socket) -> TimedConnection:
            return TimedConnection(
                patience=self._patience,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
                count=self._balance.tell,
                accepted=accepted,
            )

        self._balance.tell(0)
        await self._balance.all_there(PATIENCE)
        for listener in sockets or []:
            listener.listen(BACKLOG)
            acceptor = Acceptor(listener, make_connection, self._accepted, self._balance.leads)
            self.servers.append(acceptor)  # type: ignore[arg-type]  # it is only closed
            log.info("running on %s", address_of(listener))

    def drain(self, number: int) -> None:
        """Refuse new requests, finish the others, end; a second Ctrl-C ends at once."""
        if self._draining is None:
            log.info("%s: draining", signal.Signals(number).name)
            self._work.draining = True
            self._draining = asyncio.create_task(self._drain())
        elif number == signal.SIGINT:
            self.force_exit = self.should_exit = True

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._drain_timeout
        while self._work.running and loop.time() < deadline:
            await asyncio.sleep(1 / LOOKS_PER_SECOND)
        if self._work.running:
            log.warning("%s requests did not finish and are given up", self._work.running)
        remaining = max(0, deadline - loop.time())
        self.config.timeout_graceful_shutdown = math.floor(remaining)
        self.should_exit = True


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on, bound, for this process and its children.

    Raises:
        OSError: the address cannot be had
    """
    family, _, _, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
