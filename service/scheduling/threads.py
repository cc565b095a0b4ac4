"""The threads of a scheduler: who is idle, and whether one more has anything to walk.

To read and answer what is brief keeps the event loop about as busy as walking it keeps a thread. So
the event loop gets a core as well: only a few threads walk what is brief.
"""

import math
import threading
from collections.abc import Sequence

from service.scheduling.sequence import Work

FED = 2  # threads that one event loop can keep busy with what is brief


class Lanes:
    """Counts them; whoever calls this holds the scheduler's lock, and is the thread it is about."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.idle = 0
        self._most_on_brief = max(1, min(number - 1, FED))
        self._on_brief = set[int]()

    @property
    def all_idle(self) -> bool:
        """Whether nobody walks."""
        return self.idle == self.number

    @property
    def may_be_brief(self) -> bool:
        """Whether one more may walk what is brief."""
        return len(self._on_brief) < self._most_on_brief

    def share(self, there: int) -> int:
        """How many of so many one thread takes where they are long: others have a share too."""
        return math.ceil(there / self.idle)

    def rest(self) -> None:
        """This thread has nothing to walk."""
        self.idle += 1
        self._on_brief.discard(threading.get_ident())

    def begin(self, batch: Sequence[Work]) -> None:
        """This thread walks these."""
        self.idle -= 1
        if all(work.brief for work in batch):
            self._on_brief.add(threading.get_ident())
