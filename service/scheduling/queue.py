"""Ready queue, earliest deadline first: sequences that wait for their next chunk.

The deadline is a soft one, a while after the sequence came, longer the more steps it has. So a
short one overtakes long ones, and of equals the first to come is the first to be done.
"""

import heapq
import itertools

from service.scheduling.sequence import Group, Sequence

_numbers = itertools.count()  # of those with the same deadline the earlier goes first

SLACK_PER_STEP, MOST_SLACK = 0.001, 5.0  # seconds from arrival to deadline: a step, and at most


def deadline_of(arrived: float, steps: int) -> float:
    """When a sequence should be done that came with so many steps, on the same clock."""
    return arrived + min(MOST_SLACK, SLACK_PER_STEP * steps)


class GroupQueue:
    """A heap of the sequences of one group, by deadline; one can leave from the middle."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Sequence]] = []
        self._members: set[Sequence] = set()

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, sequence: Sequence) -> bool:
        return sequence in self._members

    def add(self, sequence: Sequence) -> None:
        """Put one in its place."""
        self._members.add(sequence)
        heapq.heappush(self._heap, (sequence.deadline, next(_numbers), sequence))

    def remove(self, sequence: Sequence) -> None:
        """Remove a member."""
        self._members.remove(sequence)
        self._drop_removed()

    def pop(self) -> Sequence:
        """Take the first."""
        _, _, sequence = heapq.heappop(self._heap)
        self._members.remove(sequence)
        self._drop_removed()
        return sequence

    @property
    def first(self) -> Sequence:
        """The one with the earliest deadline; there must be one."""
        return self._heap[0][2]

    @property
    def deadline(self) -> float:
        """The earliest deadline; there must be one."""
        return self._heap[0][0]

    def _drop_removed(self) -> None:
        while self._heap and self._heap[0][2] not in self._members:
            heapq.heappop(self._heap)


class ReadyQueue:
    """One `GroupQueue` for every group that has a sequence."""

    def __init__(self) -> None:
        self._heavy = 0  # members that are not light
        self._groups: dict[Group, GroupQueue] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    @property
    def has_heavy(self) -> bool:
        """Whether a member is not light."""
        return self._heavy > 0

    def add(self, sequence: Sequence) -> None:
        """Put one in the queue of its group."""
        self._heavy += not sequence.light
        self._groups.setdefault(sequence.group, GroupQueue()).add(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Remove a member."""
        self._heavy -= not sequence.light
        self._groups[sequence.group].remove(sequence)
        self._drop_empty(sequence.group)

    def first(self) -> tuple[Sequence, int]:
        """The one with the earliest deadline, and the size of its group; there must be one."""
        queue = min(self._groups.values(), key=lambda queue: queue.deadline)
        return queue.first, len(queue)

    def pop(self, group: Group) -> Sequence:
        """Take the first of a group."""
        sequence = self._groups[group].pop()
        self._heavy -= not sequence.light
        self._drop_empty(group)
        return sequence

    def _drop_empty(self, group: Group) -> None:
        if not self._groups[group]:
            del self._groups[group]
