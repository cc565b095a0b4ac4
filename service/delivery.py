"""How what has been computed reaches those who wait for it, each on their own event loop."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from service.work import Walked, Work


def deliver_here(done: list[Work], error: Exception | None) -> None:
    """Give results, or the error, to those who wait on the event loop that is running."""
    settle([(work.future, error or finished(work)) for work in done])


def deliver(done: list[Work], error: Exception | None) -> None:
    """Give results, or the error, to whoever waits on their event loops."""
    given = [(work.future, error or finished(work)) for work in done]
    for loop in {future.get_loop() for future, _ in given}:
        here = [pair for pair in given if pair[0].get_loop() is loop]
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, here)


def finished(work: Work) -> Walked | Exception:
    """What came of it, or why that cannot be put together; it concerns nobody else."""
    try:
        return work.finish()
    except Exception as error:
        return error


def settle(given: Sequence[tuple["asyncio.Future[Any]", Any]]) -> None:
    """On the event loop: set results and errors of those who still wait."""
    for future, result in given:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
