"""What the ingress asks of a replica, and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntm.interventions.edits import Edits
from ntm.signature import State
from service.errors import ServiceError
from service.scheduling.sequence import Segment, Walked


@dataclass(frozen=True)
class Call:
    """One sequence to walk; the fields are those of `Scheduler.walk`."""

    version: int
    engine: str  # by name: each has bits of its own
    digest: str  # of the files that the ingress has seen by this number
    sequence: NDArray[np.float32]
    slots: int
    segments: Sequence[Segment]
    timeout: float
    state: State | None
    keep_state: bool
    edits: Edits | None
    start: int


@dataclass(frozen=True)
class Reply:
    """What came of a call. A refusal is an answer: raised, it would be a crash in Ray's logs."""

    result: Walked | ServiceError
    device: str
