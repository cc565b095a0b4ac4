"""Who takes the next connection: only one that has about as few of them as anybody."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from service.process.accepting import Acceptor
from service.process.balance import AWAY, Balance, alone


@pytest.mark.parametrize(
    ("counts", "opening", "leads"),
    [
        ([0, 0], 2, False),
        ([0, 0], 3, True),
        ([2, 0], 1, True),
        ([10, 12], 7, False),  # 17 is what 12, a quarter of it and two make
        ([10, 12], 8, True),
        ([4000, 3500], 0, False),
        ([500, AWAY], 500, False),  # the other takes none
        ([500, AWAY, 3], 0, True),
    ],
)
def test_who_has_many_more_than_another_leads(counts: list[int], opening: int, leads: bool) -> None:
    assert Balance(counts, 0).leads(opening) is leads


def test_what_one_tells_the_others_know() -> None:
    counts = [AWAY, AWAY]
    one, two = Balance(counts, 0), Balance(counts, 1)
    one.tell(9)
    assert not one.leads(0)
    two.tell(0)
    assert one.leads(0)
    assert not two.leads(0)


def test_who_is_alone_never_leads() -> None:
    assert not alone().leads(1000)


def test_nobody_begins_before_the_others_are_there_or_too_late() -> None:
    counts = [AWAY, AWAY]
    one, two = Balance(counts, 0), Balance(counts, 1)

    async def main() -> None:
        one.tell(0)
        waiting = asyncio.create_task(one.all_there(60))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        two.tell(0)
        await asyncio.wait_for(waiting, 10)
        await asyncio.wait_for(two.all_there(60), 10)
        counts[1] = AWAY
        began = time.monotonic()
        await one.all_there(0.2)
        assert time.monotonic() - began >= 0.2

    asyncio.run(main())
    asyncio.run(alone().all_there(60))  # a place that is told nothing is nobody's


class Silent(asyncio.Protocol):
    """Is connected."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A listening socket with twelve connections that nobody has accepted."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        clients = [socket.create_connection(listening.getsockname()) for _ in range(12)]
        yield listening
        for client in clients:
            client.close()


def test_who_leads_steps_back_once_for_each(listener: socket.socket) -> None:
    """All are accepted although nobody else is there to take any."""

    async def main() -> int:
        asked, there = list[int](), list[Silent]()

        def made(accepted: socket.socket) -> asyncio.Protocol:
            there.append(Silent())
            return there[-1]

        def leads(opening: int) -> bool:
            asked.append(opening)
            return True

        accepting = Acceptor(listener, made, 64, leads)
        deadline = time.monotonic() + 10
        while len(there) < 12 and time.monotonic() < deadline:
            await asyncio.sleep(0.001)
        accepting.close()
        assert len(there) == 12
        return len(asked)

    assert asyncio.run(main()) >= 12


def test_two_share_what_waits(listener: socket.socket) -> None:
    async def main() -> list[int]:
        counts = [0, 0]

        def make(balance: Balance, index: int) -> Acceptor:
            def made(accepted: socket.socket) -> asyncio.Protocol:
                balance.tell(counts[index] + 1)
                return Silent()

            return Acceptor(listener.dup(), made, 64, balance.leads)

        accepting = [make(Balance(counts, index), index) for index in (0, 1)]
        deadline = time.monotonic() + 10
        while sum(counts) < 12 and time.monotonic() < deadline:
            await asyncio.sleep(0.001)
        for each in accepting:
            each.close()
        return counts

    first, second = asyncio.run(main())
    assert first + second == 12
    assert abs(first - second) <= 4
