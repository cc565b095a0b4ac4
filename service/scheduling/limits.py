"""Limits of a scheduler, and the instruments it measures and reports with."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from service.memory import Budget
from service.scheduling.events import Event
from service.scheduling.rate import RateEstimate

BYTES_ALONE = 2**28  # where the budget is shared with nothing else

log = logging.getLogger("ntm.scheduler")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything at once."""

    max_batch: int  # rows of a chunk
    max_queued_steps: int  # admitted and not yet computed
    # of the states of all sequences that have begun, and of what else is in flight
    budget: Budget = field(default_factory=lambda: Budget(BYTES_ALONE))
    # Seconds that a sequence may take to be walked on the event loop: to wake a thread and be
    # woken by it takes as long as the first; the second holds where no other request waits for
    # the event loop, or no other core can do it.
    inline_always: float = 0.0001
    inline_if_free: float = 0.001
    inline_per_turn: float = 0.005  # seconds that one turn of the event loop may compute


def ignore(event: Event) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Instruments:
    """A clock, an estimate of the engine's speed, and an observer of events."""

    observe: Callable[[Event], object] = ignore
    clock: Callable[[], float] = time.monotonic  # seconds
    rate: RateEstimate = field(default_factory=RateEstimate)

    def report(self, event: Event) -> None:
        """Hand an event to the observer, whose failure is logged and concerns no sequence."""
        try:
            self.observe(event)
        except Exception:
            log.exception("an event could not be counted")
