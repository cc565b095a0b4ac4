"""How what has been computed reaches those who wait for it, each on their own event loop."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from service.scheduling.sequence import Work
from service.scheduling.walk import BatchEnd, Waiter, Walked

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
    """On the event loop: call the hooks of those that ended together, then give them results."""
    for batch_end, batch in hooks(ended).items():
        try:
            batch_end(batch)
        except Exception:  # it concerns nobody's result
            log.exception("the hook for a batch that ended failed")
    settle([(work.waiter, result) for work, result in ended])


def hooks(ended: Sequence[Result]) -> dict[BatchEnd, list[tuple[Any, Walked]]]:
    """The tags and results for every hook; without those that failed or nobody waits for."""
    batches: dict[BatchEnd, list[tuple[Any, Walked]]] = {}
    for work, result in ended:
        batch_end = work.terms.batch_end
        if batch_end is not None and isinstance(result, Walked) and not work.waiter.done():
            batches.setdefault(batch_end, []).append((work.terms.tag, result))
    return batches


def settle(given: Sequence[tuple[Waiter, Any]]) -> None:
    """On the event loop: set results and errors of those who still wait."""
    for waiter, result in given:
        try:
            if waiter.done():
                continue
            if isinstance(result, Exception):
                waiter.set_exception(result)
            else:
                waiter.set_result(result)
        except Exception:  # it concerns none of the others
            log.exception("a result could not be handed over")
