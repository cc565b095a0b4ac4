"""Deferred callbacks: metrics and log lines of a request, put off for one turn of the event loop.

The answer has left by then. Run one after the other, the callbacks of a turn take half as long as
they would between the answers.
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
