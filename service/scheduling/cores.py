"""A fair semaphore: how many engines compute at once, shared by all models of a process."""

import os
import sys
import threading
from collections import deque
from contextlib import suppress
from types import TracebackType

NICE = 10  # of 19


class Cores:
    """A fair semaphore, first come, first served, so that no model starves another."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._lock = threading.Lock()
        self._free = places
        self._waiting: deque[threading.Event] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

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


def let_others_first() -> None:
    """Lower this thread's priority, so that computing keeps no request from being answered.

    In a flood the event loop would else get as little of a core as each of those that compute, and
    take minutes to say no.
    """
    if sys.platform == "linux":  # elsewhere a priority is a process'
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def places_for(threads: int) -> int:
    """How many engines of so many threads each fit on this machine."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # macOS and Windows bind no process to cores
        cores = os.cpu_count() or 1
    return max(1, cores // threads)
