"""Estimate of an engine's speed, from the chunks it has run: a moving average and a capped maximum.

Nothing here measures: a chunk's time comes from whoever ran it.
"""

import math

from service.scheduling.sequence import Group

PRIOR = 1e-6  # seconds a step, row and slot until measured; on the slow side
MOST_RISE = 1.1  # from chunk to chunk: a hiccup of the machine should not cut the next ones short
WEIGHT = 0.1  # of the newest chunk in the exponential moving average


class RateEstimate:
    """Of one engine."""

    def __init__(self) -> None:
        self.steps_per_second = 1000.0  # of all rows together; an exponential moving average
        self._seconds: dict[tuple[str, int], float] = {}  # that a step of a row takes

    def seconds_per_step(self, group: Group) -> float:
        """Seconds that a step of a row takes in such a group, measured or not."""
        measured = self._seconds.get(group.size)
        return PRIOR * max(1, group.slots) if measured is None else measured

    def measured_seconds_per_step(self, group: Group) -> float:
        """The same, infinite where none has been measured."""
        return self._seconds.get(group.size, math.inf)

    def update(self, group: Group, computed: int, useful: int, seconds: float) -> None:
        """Take in a chunk: the estimate falls at once and rises slowly.

        Args:
            group: of its rows
            computed: steps, of all rows together
            useful: those of them that were not thrown away
            seconds: that it took
        """
        most = self.seconds_per_step(group) * MOST_RISE
        self._seconds[group.size] = min(seconds / computed, most)
        self.steps_per_second += WEIGHT * (useful / seconds - self.steps_per_second)
