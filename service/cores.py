"""A bound on how many engines compute at once, shared by all models of a process."""

import os
import threading
from collections import deque
from types import TracebackType


class Cores:
    """So many places; whoever asks first computes first, so that no model starves another."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._lock = threading.Lock()
        self._free = places
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()  # the place is handed over, never up for grabs
            else:
                self._free += 1


def places_for(threads: int) -> int:
    """How many engines of so many threads each fit on this machine."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # macOS and Windows bind no process to cores
        cores = os.cpu_count() or 1
    return max(1, cores // threads)
