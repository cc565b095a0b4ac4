"""What a scheduler tells whoever counts."""

from typing import Literal, NamedTuple

Outcome = Literal["ok", "rejected", "cancelled", "timed_out", "failed"]


class Chunk(NamedTuple):
    """One run of the engine, for whoever counts."""

    rows: int
    computed: int  # steps of rows
    useful: int  # steps of rows that somebody asked for
    seconds: float


class Ended(NamedTuple):
    """One sequence that left, for whoever counts."""

    outcome: Outcome
    queued: float  # seconds until its first step
    computed: float  # seconds from then on


Event = Chunk | Ended
