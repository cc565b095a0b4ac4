"""Random identifiers: unguessable tokens, and ids that sort by the time they were made.

Random bytes are drawn from a pool: a system call for each id lets other threads run, and waits for
its turn after.
"""

import os
import threading
import time

TIME_DIGITS = 16  # that an ordered id begins with
ORDERED_TOKEN = 10  # random bytes of an id that begins with the time
POOL = 4096  # bytes drawn from the system at once


class Ids:
    """Hexadecimal tokens from the system's random numbers; not to be shared with a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool, self._used = b"", 0
        self._latest = 0

    def token(self, size: int) -> str:
        """So many random bytes in hexadecimal; none are given twice."""
        with self._lock:
            return self._take(size)

    def ordered(self) -> str:
        """Sixteen digits of the time in nanoseconds, and a token: later ones sort after earlier."""
        return self.together(1)[0]

    def together(self, count: int) -> list[str]:
        """Some ids of the same time, each with a token of its own."""
        with self._lock:
            tokens = self._take(ORDERED_TOKEN * count)
            self._latest = max(self._latest + 1, time.time_ns())
            when = f"{self._latest:0{TIME_DIGITS}x}"
        size = 2 * ORDERED_TOKEN
        return [when + tokens[start : start + size] for start in range(0, size * count, size)]

    def _take(self, size: int) -> str:
        if self._used + size > len(self._pool):
            self._pool, self._used = os.urandom(max(POOL, size)), 0
        start = self._used
        self._used += size
        return self._pool[start : self._used].hex()


_ids = Ids()
os.register_at_fork(after_in_child=_ids.__init__)  # type: ignore[misc]
token, ordered, together = _ids.token, _ids.ordered, _ids.together
