"""Who of several processes takes the next connection: not one that has more of them than another.

Whoever wakes first would take all that wait, and keep them as long as their clients stay: two
processes could then have 30 and 2 of 32 clients.
"""

import asyncio
from collections.abc import MutableSequence

AWAY = 2**31 - 1  # connections of a process that takes none
LOOKS_PER_SECOND = 50
LEAD, SHARE = 2, 0.25  # how many more than another one may have: so many, and a share of those


class Balance:
    """The connections of every process, in memory that they share."""

    def __init__(self, counts: MutableSequence[int], index: int) -> None:
        """`counts` has a place for every process, this one's at `index`."""
        self._counts, self._index = counts, index

    def tell(self, connections: int) -> None:
        """This process has so many."""
        self._counts[self._index] = connections

    async def all_there(self, patience: float) -> None:
        """Wait for the others, or so many seconds: who is first would get all connections."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while AWAY in list(self._counts) and loop.time() < deadline:
            await asyncio.sleep(1 / LOOKS_PER_SECOND)

    def leads(self, more: int) -> bool:
        """Whether another has much fewer than this one with so many more that are on their way."""
        mine = self._counts[self._index] + more
        others = (held for index, held in enumerate(self._counts) if index != self._index)
        return mine > min(others, default=AWAY) * (1 + SHARE) + LEAD


def alone() -> Balance:
    """Of a process that is the only one."""
    return Balance([0], 0)
