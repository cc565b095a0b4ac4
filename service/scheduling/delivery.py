"""How what has been computed reaches those who wait for it, each on their own event loop."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from service.scheduling.sequence import Waiter, Walked, Work

log = logging.getLogger("ntm.scheduler")

Result = tuple[Work, Walked | Exception]


def deliver_here(done: list[Work], error: Exception | None) -> None:
    """Give results, or the error, to those who wait on the event loop that is running."""
    hand_out([(work, error or finished(work)) for work in done])


def deliver(done: list[Work], error: Exception | None) -> None:
    """Give results, or the error, to whoever waits on their event loops."""
    given = [(work, error or finished(work)) for work in done]
    for loop in {work.waiter.get_loop() for work, _ in given}:
        here = [pair for pair in given if pair[0].waiter.get_loop() is loop]
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(hand_out, here)


def finished(work: Work) -> Walked | Exception:
    """What came of it, or why that cannot be put together; it concerns nobody else."""
    try:
        return work.finish()
    except Exception as error:
        return error


def hand_out(ended: Sequence[Result]) -> None:
    """On the event loop: fulfil what is wished for, and give results to those who still wait."""
    wishes = [
        (work.wish, result)
        for work, result in ended
        if work.wish is not None and not work.waiter.done() and isinstance(result, Walked)
    ]
    if wishes:
        try:
            wishes[0][0].fulfil(wishes)
        except Exception:  # it concerns nobody's result
            log.exception("what should be done with results failed")
    settle([(work.waiter, result) for work, result in ended])


def settle(given: Sequence[tuple[Waiter, Any]]) -> None:
    """On the event loop: set results and errors of those who still wait."""
    for waiter, result in given:
        if waiter.done():
            continue
        if isinstance(result, Exception):
            waiter.set_exception(result)
        else:
            waiter.set_result(result)
