"""Call and reply: the messages between the ingress and a replica."""

from dataclasses import dataclass

from service.errors import ServiceError
from service.scheduling.walk import Walk, Walked


@dataclass(frozen=True, slots=True)
class Call:
    """One sequence to walk, on one engine with the very files that the ingress has seen."""

    walk: Walk
    timeout: float  # seconds
    version: int
    engine: str  # by name: each has bits of its own
    digest: str  # of the files that the ingress has seen by this number


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call. A refusal is an answer: raised, it would be a crash in Ray's logs."""

    result: Walked | ServiceError
    device: str
