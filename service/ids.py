"""Random identifiers: unguessable tokens, and ids that sort by the time they were made."""

import secrets
import threading
import time

TIME_DIGITS = 16  # hexadecimal digits of the time in nanoseconds, at the start of an ordered id
ORDERED_TOKEN = 10  # random bytes of an ordered id, behind the time

token = secrets.token_hex


class Clock:
    """The time in nanoseconds since the epoch, later at every call; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest = 0

    def tick(self) -> int:
        """The time, or one more than at the last call where the clock has not moved on."""
        with self._lock:
            self._latest = max(self._latest + 1, time.time_ns())
            return self._latest


_clock = Clock()


def ordered() -> str:
    """Sixteen hexadecimal digits of the time and a token: ids of this process sort by time."""
    return together(1)[0]


def together(count: int) -> list[str]:
    """`count` ids of the same time, each with a token of its own."""
    when, size = f"{_clock.tick():0{TIME_DIGITS}x}", 2 * ORDERED_TOKEN
    tokens = secrets.token_hex(ORDERED_TOKEN * count)
    return [when + tokens[start : start + size] for start in range(0, size * count, size)]
