"""Sequences that wait for their next steps, in the order in which they are due."""

import heapq
import itertools

from service.scheduling.sequence import Group, Work

_numbers = itertools.count()  # of those due at the same time the earlier goes first


class Line:
    """Those of one group. Whoever is due first is in front; one can leave from the middle."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Work]] = []
        self._there = set[Work]()

    def __len__(self) -> int:
        return len(self._there)

    def __contains__(self, work: Work) -> bool:
        return work in self._there

    def add(self, work: Work) -> None:
        """Put one in its place."""
        self._there.add(work)
        heapq.heappush(self._heap, (work.due, next(_numbers), work))

    def remove(self, work: Work) -> None:
        """Let one go that is there."""
        self._there.remove(work)
        self._forget_gone()

    def pop(self) -> Work:
        """Take the one in front."""
        _, _, work = heapq.heappop(self._heap)
        self._there.remove(work)
        self._forget_gone()
        return work

    @property
    def first(self) -> Work:
        """The one in front; there must be one."""
        return self._heap[0][2]

    @property
    def due(self) -> float:
        """When the one in front is; there must be one."""
        return self._heap[0][0]

    def _forget_gone(self) -> None:
        while self._heap and self._heap[0][2] not in self._there:
            heapq.heappop(self._heap)


class Lines:
    """A line for every group of which somebody waits."""

    def __init__(self) -> None:
        self._long = 0  # of them all, those that are not brief
        self._lines: dict[Group, Line] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __contains__(self, work: Work) -> bool:
        return work in self._lines.get(work.group, ())

    @property
    def has_long(self) -> bool:
        """Whether one of them is not brief."""
        return self._long > 0

    def add(self, work: Work) -> None:
        """Put one in the line of its group."""
        self._long += not work.brief
        self._lines.setdefault(work.group, Line()).add(work)

    def remove(self, work: Work) -> None:
        """Let one go that is there."""
        self._long -= not work.brief
        self._lines[work.group].remove(work)
        self._forget_empty(work.group)

    def first(self) -> tuple[Work, int]:
        """Whoever is due first, and how many of its group wait; there must be one."""
        line = min(self._lines.values(), key=lambda known: known.due)
        return line.first, len(line)

    def pop(self, group: Group) -> Work:
        """Take the one in front of a group's line."""
        work = self._lines[group].pop()
        self._long -= not work.brief
        self._forget_empty(group)
        return work

    def _forget_empty(self, group: Group) -> None:
        if not self._lines[group]:
            del self._lines[group]
