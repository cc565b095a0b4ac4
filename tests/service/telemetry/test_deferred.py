"""What is put off is done once each, in order, after the turn it came in; what fails harms none."""

import asyncio

import pytest

from service.telemetry.deferred import Afterwards


def test_all_of_a_turn_is_done_in_the_next(caplog: pytest.LogCaptureFixture) -> None:
    afterwards, done = Afterwards(), list[int]()

    async def main() -> None:
        for number in range(3):
            afterwards.do(lambda number=number: done.append(number))
        afterwards.do(lambda: done[99])
        afterwards.do(lambda: done.append(3))
        assert done == []
        await asyncio.sleep(0)
        assert done == [0, 1, 2, 3]
        afterwards.do(lambda: afterwards.do(lambda: done.append(5)))
        afterwards.do(lambda: done.append(4))
        await asyncio.sleep(0)
        assert done == [0, 1, 2, 3, 4]
        await asyncio.sleep(0)
        assert done == [0, 1, 2, 3, 4, 5]

    asyncio.run(main())
    assert "IndexError" in caplog.text


def test_another_thread_puts_nothing_off() -> None:
    afterwards, done = Afterwards(), list[int]()

    async def main() -> None:
        await asyncio.to_thread(afterwards.do, lambda: done.append(1))
        assert done == [1]

    asyncio.run(main())
