"""Events of a scheduler for metrics: chunks that ran and sequences that ended."""

import asyncio
from typing import Literal, NamedTuple

from service.errors import DeadlineExceeded, QueueFull

Outcome = Literal["ok", "rejected", "cancelled", "timed_out", "failed"]


class Chunk(NamedTuple):
    """One run of the engine."""

    rows: int
    computed: int  # steps of rows
    useful: int  # steps of rows that were not thrown away
    seconds: float


class Ended(NamedTuple):
    """One sequence that ended."""

    outcome: Outcome
    queued: float  # seconds until its first step
    computed: float  # seconds from then on


Event = Chunk | Ended


def outcome_of(error: BaseException) -> Outcome:
    """How a sequence ended whose waiter has this error."""
    match error:
        case DeadlineExceeded() | TimeoutError():
            return "timed_out"
        case QueueFull():
            return "rejected"
        case asyncio.CancelledError():
            return "cancelled"
    return "failed"
