"""Who follows which session in this process: each with a bounded queue of the pieces answered."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import Overloaded

MOST = 256  # followers at once
HELD = 16  # pieces that a follower may be behind; of more the oldest are dropped
LARGEST = 2**16  # bytes of outputs that are sent along
RETRY_AFTER = 5  # seconds


class Answered(NamedTuple):
    """A piece of a session that has been answered."""

    position: int  # its first step
    steps: int
    outputs: NDArray[np.float32] | None  # None where there are too many, or they are elsewhere


class Follower:
    """What one follower has not been sent yet."""

    def __init__(self) -> None:
        self._pieces = deque[Answered](maxlen=HELD)
        self._some = asyncio.Event()
        self.ended = False  # the session is no more

    def add(self, piece: Answered) -> None:
        """Keep a piece until it is taken."""
        self._pieces.append(piece)
        self._some.set()

    def end(self) -> None:
        """Nothing follows."""
        self.ended = True
        self._some.set()

    async def take(self, seconds: float) -> list[Answered]:
        """What has come; nothing if nothing does for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._some.wait()
        except TimeoutError:
            return []
        pieces = list(self._pieces)
        self._pieces.clear()
        self._some.clear()
        return pieces


class Subscriptions:
    """The followers of all sessions."""

    def __init__(self, most: int = MOST) -> None:
        """Allow so many."""
        self._most = most
        self._followers: dict[str, set[Follower]] = {}

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self._followers.values()))

    @contextmanager
    def follow(self, session_id: str) -> Iterator[Follower]:
        """Follow a session inside this context.

        Raises:
            Overloaded: as many do as may
        """
        if self.count >= self._most:
            raise Overloaded(
                f"{self._most} sessions are followed, no more", retry_after=RETRY_AFTER
            )
        follower = Follower()
        self._followers.setdefault(session_id, set()).add(follower)
        try:
            yield follower
        finally:
            followers = self._followers[session_id]
            followers.remove(follower)
            if not followers:
                del self._followers[session_id]

    def publish(self, session_id: str, position: int, outputs: NDArray[np.float32]) -> None:
        """Tell of a piece that has been kept."""
        followers = self._followers.get(session_id, ())
        if not followers:
            return
        sent = outputs.copy() if outputs.nbytes <= LARGEST else None
        for follower in followers:
            follower.add(Answered(position, len(outputs), sent))

    def end(self, session_id: str) -> None:
        """Tell that a session is no more."""
        for follower in self._followers.get(session_id, ()):
            follower.end()
