"""Inline execution: what a turn of the event loop walks there and then, without a thread.

To wake a thread and be woken by it takes as long as to walk a short sequence. A very short one is
always walked here; a short one where no other request waits for the event loop, or where there is
no other core. All that came in one turn of the event loop is looked at together in the next.
"""

import asyncio

from service.scheduling.backlog import Backlog
from service.scheduling.delivery import deliver_here
from service.scheduling.limits import Limits
from service.scheduling.runner import ChunkRunner
from service.scheduling.sequence import Sequence
from service.scheduling.threads import WorkerThreads


class InlineRunner:
    """Walks short sequences on the event loop and leaves the others to the threads."""

    def __init__(
        self, backlog: Backlog, runner: ChunkRunner, threads: WorkerThreads, limits: Limits
    ) -> None:
        """For any event loop; mostly there is one."""
        self._backlog, self._runner = backlog, runner
        self._threads, self._limits = threads, limits
        self._scheduled_on: asyncio.AbstractEventLoop | None = None

    def look_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the waiting sequences in the loop's next turn; with the backlog's lock held."""
        if self._scheduled_on is not loop:
            self._scheduled_on = loop
            loop.call_soon(self._look)

    def _look(self) -> None:
        """Walk here what is short, and wake threads for the rest of what has come."""
        backlog = self._backlog
        with backlog.lock:
            self._scheduled_on = None
            chosen, postponed = self._choose()
            batches = backlog.take_waiting(chosen)
            if postponed:
                self.look_soon(asyncio.get_running_loop())
            if len(backlog.waiting) > postponed:
                self._threads.wake()
        while batches:
            batch = batches.pop()
            error = self._runner.run(batch)
            with backlog.lock:
                done = backlog.put_back(batch, error)
                batches += backlog.take_again(batch)
            deliver_here(done, error)

    def _choose(self) -> tuple[list[Sequence], int]:
        """What this turn of the event loop walks, and how many it leaves to the next."""
        if self._runner.engine.batches:
            return [], 0
        loop, longest = asyncio.get_running_loop(), self._longest()
        chosen: list[Sequence] = []
        postponed, spent = 0, 0.0
        for sequence in self._backlog.waiting:
            rate = self._runner.rate.measured_seconds_per_step(sequence.group)
            seconds = sequence.remaining * rate
            if seconds > longest or sequence.is_interrupted or sequence.loop is not loop:
                continue
            if spent + seconds <= self._limits.inline_per_turn:
                spent += seconds
                chosen.append(sequence)
            else:
                postponed += 1
        return chosen, postponed

    def _longest(self) -> float:
        """Seconds that a sequence may take to be walked on the event loop."""
        limits, backlog = self._limits, self._backlog
        if self._threads.number == 1:
            return limits.inline_if_free
        is_free = self._threads.all_idle and not backlog.ready
        if is_free and all(sequence.terms.alone for sequence in backlog.waiting):
            return limits.inline_if_free
        return limits.inline_always
