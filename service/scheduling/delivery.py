"""Delivery: results and errors to their waiters, each on its own event loop.

A hook that raises is logged and takes nobody's result.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from service.scheduling.sequence import Sequence
from service.scheduling.walk import BatchEnd, Walked

log = logging.getLogger("ntm.scheduler")

Result = tuple[Sequence, Walked | Exception]


def deliver_here(done: list[Sequence], error: Exception | None) -> None:
    """Give results, or the error, to those who wait on the event loop that is running."""
    hand_out([(sequence, error or finished(sequence)) for sequence in done])


def deliver(done: list[Sequence], error: Exception | None) -> None:
    """Give results, or the error, to those who wait on any event loop."""
    results = [(sequence, error or finished(sequence)) for sequence in done]
    for loop in {sequence.loop for sequence in done}:
        of_loop = [pair for pair in results if pair[0].loop is loop]
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(hand_out, of_loop)


def finished(sequence: Sequence) -> Walked | Exception:
    """The result, or the error of putting it together, which concerns no other sequence."""
    try:
        return sequence.finish()
    except Exception as error:
        return error


def hand_out(ended: list[Result]) -> None:
    """On the event loop: call the hooks of those that ended together, then give them results."""
    for batch_end, batch in hooks(ended).items():
        try:
            batch_end(batch)
        except Exception:
            log.exception("the hook for a batch that ended failed")
    settle([(sequence.waiter, result) for sequence, result in ended])


def hooks(ended: list[Result]) -> dict[BatchEnd, list[tuple[Any, Walked]]]:
    """The tags and results for every hook; without those that failed or nobody waits for."""
    batches: dict[BatchEnd, list[tuple[Any, Walked]]] = {}
    for sequence, result in ended:
        terms = sequence.terms
        if terms.batch_end is None or sequence.waiter.done():
            continue
        if isinstance(result, Walked):
            batches.setdefault(terms.batch_end, []).append((terms.tag, result))
    return batches


def settle(pairs: Iterable[tuple["asyncio.Future[Any]", Any]]) -> None:
    """On the event loop: set results and errors of those who still wait."""
    for waiter, result in pairs:
        if waiter.done():
            continue
        if isinstance(result, Exception):
            waiter.set_exception(result)
        else:
            waiter.set_result(result)
