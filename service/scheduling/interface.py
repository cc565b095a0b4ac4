"""The one interface between routes and what walks sequences: a scheduler here, or replicas."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ntm.interventions.edits import Edits
from ntm.signature import State
from service.scheduling.sequence import Segment, Walked, Wish


class Walker(Protocol):
    """Walks sequences of one model version."""

    @property
    def queued_steps(self) -> int:
        """Steps admitted and not yet computed."""
        ...

    async def walk(
        self,
        sequence: NDArray[np.float32],
        slots: int,
        segments: Sequence[Segment],
        timeout: float,
        state: State | None = None,
        keep_state: bool = False,
        edits: Edits | None = None,
        start: int = 0,
        alone: bool = False,
        wish: Wish | None = None,
        together: bool = False,
    ) -> Walked:
        """See `Scheduler.walk`."""
        ...

    def refuse_if_full(self, steps: int) -> None:
        """Say no to so many steps before any time is spent on reading them, where it is known.

        Raises:
            QueueFull: no room for them now
        """
        ...

    def close(self) -> None:
        """Refuse new work and finish what is there."""
        ...
