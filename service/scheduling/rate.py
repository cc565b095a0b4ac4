"""How quickly an engine walks, as its last chunks told."""

import math

from service.scheduling.sequence import Group

FIRST = 1e-6  # seconds a step, row and slot, on the slow side, until measured
MOST_RISE = 1.1  # from chunk to chunk: a hiccup of the machine should not cut the next ones short
SHARE = 0.1  # of the newest chunk in the mean


class Pace:
    """Of one engine."""

    def __init__(self) -> None:
        self.steps_per_second = 1000.0  # of all rows together
        self._seconds: dict[tuple[str, int], float] = {}  # that a step of a row takes

    def guess(self, group: Group) -> float:
        """Seconds that a step of a row takes in such a group, measured or not."""
        return self._seconds.get(group.size, FIRST * group.slots)

    def measured(self, group: Group) -> float:
        """The same, infinite where none has been measured."""
        return self._seconds.get(group.size, math.inf)

    def learn(self, group: Group, computed: int, useful: int, seconds: float) -> None:
        """Learn from a chunk, quick to fall and slow to rise.

        Args:
            group: of its rows
            computed: steps, of all rows together
            useful: those of them that were not thrown away
            seconds: that it took
        """
        self._seconds[group.size] = min(seconds / computed, self.guess(group) * MOST_RISE)
        self.steps_per_second += SHARE * (useful / seconds - self.steps_per_second)
