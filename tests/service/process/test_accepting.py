"""Connections are taken as fast as they come, also when there is no room for a moment."""

import asyncio
import errno
import os
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import uvloop

from service.process import accepting as acceptor
from service.process.accepting import Acceptor


class Greeter(asyncio.Protocol):
    """Says hello and counts."""

    greeted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Greeter.greeted += 1
        transport.write(b"hello")  # type: ignore[attr-defined]


def greet(accepted: socket.socket) -> Greeter:
    """What talks over an accepted connection."""
    return Greeter()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A listening socket, and nobody counted yet."""
    Greeter.greeted = 0
    with socket.create_server(("127.0.0.1", 0), backlog=500) as listening:
        yield listening


def connect(stack: ExitStack, listener: socket.socket, count: int) -> list[socket.socket]:
    """So many connections that nobody has accepted."""
    return [
        stack.enter_context(socket.create_connection(listener.getsockname())) for _ in range(count)
    ]


@pytest.mark.parametrize("at_once", [1, 64, 1000])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_all_that_wait_are_accepted(listener: socket.socket, run: object, at_once: int) -> None:
    async def main() -> None:
        accepting = Acceptor(listener, greet, at_once)
        await greeted(300)
        accepting.close()

    with ExitStack() as stack:
        clients = connect(stack, listener, 300)
        run(main())  # type: ignore[operator]
        assert {client.recv(10) for client in clients} == {b"hello"}
    assert Greeter.greeted == 300


async def greeted(count: int) -> None:
    """Wait until so many have been."""
    async with asyncio.timeout(30):
        while Greeter.greeted < count:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # until the last has been sent


def test_a_turn_takes_as_many_as_it_may(listener: socket.socket) -> None:
    async def main() -> dict[int, int]:
        turn, looks = 0, Counter[int]()

        def look(opening: int) -> bool:
            looks[turn] += 1
            return False

        async def count_turns() -> None:
            nonlocal turn
            while True:
                turn += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count_turns())
        accepting = Acceptor(listener, greet, 100, look)
        await greeted(150)
        accepting.close()
        counting.cancel()
        return looks

    with ExitStack() as stack:
        connect(stack, listener, 150)
        looks = asyncio.run(main())
    assert list(looks.values()) == [100, 51]  # the last look finds nobody


class Full:
    """A listening socket of a process that has no room for another file, at first."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener, self.tries = listener, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.listener, name)

    def accept(self) -> tuple[socket.socket, object]:
        """The third try succeeds."""
        self.tries += 1
        if self.tries < 3:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self.listener.accept()


def test_where_there_is_no_room_it_tries_again(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(acceptor, "PAUSE", 0.01)
    full = Full(listener)

    async def main() -> None:
        accepting = Acceptor(full, greet, 10)  # type: ignore[arg-type]
        await greeted(1)
        accepting.close()

    with ExitStack() as stack:
        connect(stack, listener, 1)
        asyncio.run(main())
    assert "Too many open files" in caplog.text


def test_once_closed_it_accepts_nobody(listener: socket.socket) -> None:
    async def main() -> None:
        Acceptor(listener, greet, 10).close()
        await asyncio.sleep(0.05)

    with ExitStack() as stack:
        connect(stack, listener, 1)
        asyncio.run(main())
    assert Greeter.greeted == 0
