"""Admission control: a bound on the steps that are queued, with backpressure to the clients.

Who is refused hears when to come back. The bound holds for all clients together.
"""

import math
from typing import NoReturn

from service.errors import QueueFull
from service.scheduling.events import Ended
from service.scheduling.limits import Instruments
from service.scheduling.sequence import Sequence

LONGEST_WAIT = 600  # seconds that Retry-After may say


class Admission:
    """Counts the steps that wait or are walked. To count, the backlog's lock must be held."""

    def __init__(self, max_queued_steps: int, instruments: Instruments) -> None:
        """Admit so many steps at once; one sequence longer than that where nothing is queued."""
        self.queued_steps = 0
        self._max_queued_steps, self._instruments = max_queued_steps, instruments

    def has_room(self, steps: int) -> bool:
        """Whether so many more may be admitted now."""
        queued = self.queued_steps  # read once: the lock is not always held
        return not queued or queued + steps <= self._max_queued_steps

    def count(self, sequence: Sequence, steps: int) -> None:
        """Count so many steps for a sequence from now on."""
        self.queued_steps += steps - sequence.queued_steps
        sequence.queued_steps = steps

    def refuse(self, steps: int, queued: int) -> NoReturn:
        """Refuse so many steps, beside so many that were queued when it was decided.

        Raises:
            QueueFull: when to ask again
        """
        self._instruments.report(Ended("rejected", 0, 0))
        missing = min(queued + steps - self._max_queued_steps, queued)
        seconds = math.ceil(missing / self._instruments.rate.steps_per_second)
        wait = min(LONGEST_WAIT, max(1, seconds))
        raise QueueFull(
            f"{queued} of {self._max_queued_steps} steps are queued, no room for {steps} more; "
            f"try again in {wait} s",
            retry_after=wait,
        )
