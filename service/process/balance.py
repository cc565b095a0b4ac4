"""Connection balancing between worker processes, by counts in shared memory.

The process that wakes first would accept every waiting connection and hold it as long as its client
stays: of 32 clients one process could have 30 and the other 2. So a process with more connections
than another one leaves the next connection to the others.
"""

import asyncio
from collections.abc import MutableSequence

AWAY = 2**31 - 1  # the count of a process that does not accept
LOOKS_PER_SECOND = 50
LEAD, SHARE = 2, 0.25  # allowed lead over another process: connections, plus a share of its own


class Balance:
    """The connections of every process, in memory that they share."""

    def __init__(self, counts: MutableSequence[int], index: int) -> None:
        """`counts` has a place for every process, this one's at `index`."""
        self._counts, self._index = counts, index

    def tell(self, connections: int) -> None:
        """Publish the number of connections of this process."""
        self._counts[self._index] = connections

    async def all_there(self, patience: float) -> None:
        """Wait until all processes accept, at most `patience` seconds: the first would get all."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while AWAY in list(self._counts) and loop.time() < deadline:
            await asyncio.sleep(1 / LOOKS_PER_SECOND)

    def leads(self, more: int) -> bool:
        """Whether another process has far fewer connections than this one, `more` being opened."""
        own = self._counts[self._index] + more
        others = (held for index, held in enumerate(self._counts) if index != self._index)
        return own > min(others, default=AWAY) * (1 + SHARE) + LEAD


def alone() -> Balance:
    """The balance of a single process."""
    return Balance([0], 0)
