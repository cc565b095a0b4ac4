"""What a scheduler tells whoever counts."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "rejected", "cancelled", "timed_out", "failed"]


@dataclass(frozen=True)
class Chunk:
    """One run of the engine, for whoever counts."""

    rows: int
    computed: int  # steps of rows
    useful: int  # steps of rows that somebody asked for
    seconds: float


@dataclass(frozen=True)
class Ended:
    """One sequence that left, for whoever counts."""

    outcome: Outcome
    queued: float  # seconds until its first step
    computed: float  # seconds from then on


Event = Chunk | Ended
