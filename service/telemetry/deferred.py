"""What can wait until answers have left: counting, and telling of them in the log.

All of a turn of the event loop is done in the next one, one after the other: together it takes half
as long as in between, and nobody waits for it.
"""

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger("ntm.server")


class Afterwards:
    """Work of one event loop that is put off for one turn."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], object]] = []

    def do(self, work: Callable[[], object]) -> None:
        """Call `work` in the next turn of the running event loop; at once from another thread."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            work()
            return
        if not self._waiting:
            loop.call_soon(self._do_all)
        self._waiting.append(work)

    def _do_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            try:
                work()
            except Exception:
                log.exception("what should be done after an answer failed")
