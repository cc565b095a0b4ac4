"""Who is let in: as many steps as may be queued, whoever they belong to."""

import math
from collections.abc import Callable
from typing import NoReturn

from service.errors import QueueFull
from service.scheduling.events import Ended, Event
from service.scheduling.rate import Pace
from service.scheduling.sequence import Work

LONGEST_WAIT = 600  # seconds that Retry-After may say


class Admission:
    """Counts the steps that wait or are walked; whoever counts here holds the scheduler's lock."""

    def __init__(
        self, max_queued_steps: int, pace: Pace, observe: Callable[[Event], object]
    ) -> None:
        """Let in no more than so many steps at once, but for one sequence longer than that.

        Args:
            max_queued_steps: the bound
            pace: of the engine, which tells how long to wait for a place
            observe: told of who was refused
        """
        self.queued = 0
        self._most, self._pace, self._observe = max_queued_steps, pace, observe

    def has_room(self, steps: int) -> bool:
        """Whether so many more may come in now."""
        queued = self.queued  # once: some ask without the lock
        return not queued or queued + steps <= self._most

    def count(self, work: Work, steps: int) -> None:
        """A sequence takes up so many steps from now on."""
        self.queued += steps - work.counted
        work.counted = steps

    def refuse(self, steps: int, queued: int) -> NoReturn:
        """Say no to so many steps, beside so many that were queued when it was decided.

        Raises:
            QueueFull: when to ask again
        """
        self._observe(Ended("rejected", 0, 0))
        missing = min(queued + steps - self._most, queued)
        wait = min(LONGEST_WAIT, max(1, math.ceil(missing / self._pace.steps_per_second)))
        raise QueueFull(
            f"{queued} of {self._most} steps are queued, no room for {steps} more; "
            f"try again in {wait} s",
            retry_after=wait,
        )
