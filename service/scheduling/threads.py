"""Worker threads, and how large a batch each takes from the ready queue.

To read and answer a light sequence keeps the event loop about as busy as walking it keeps a thread.
So the event loop gets a core as well: only a few threads walk light ones, and they take half of
what is ready at a time, so that there is something to walk while the others are answered.
"""

import math
import threading
from collections.abc import Iterable

from service.scheduling.backlog import Backlog
from service.scheduling.chunk import CHUNK_SECONDS
from service.scheduling.cores import Cores, let_others_first
from service.scheduling.delivery import deliver
from service.scheduling.limits import Limits
from service.scheduling.runner import ChunkRunner
from service.scheduling.sequence import Sequence

FED = 2  # threads that one event loop can keep busy with light sequences
CHEAP_ROWS = 4  # rows that cost less together on any engine


class WorkerThreads:
    """Threads that walk batches of the backlog until they are closed and nothing is left.

    `changed` of the backlog says when to look; `wake` and the properties are used with its lock.
    """

    def __init__(self, backlog: Backlog, runner: ChunkRunner, limits: Limits, cores: Cores) -> None:
        """Start them: one a core where rows cost the same alone, else one for batches of all."""
        self._backlog, self._runner = backlog, runner
        self._limits, self._cores = limits, cores
        self.number = 1 if runner.engine.batches else cores.places
        self._idle = self.number
        self._most_on_light = max(1, min(self.number - 1, FED))
        self._on_light = 0
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name="scheduler", daemon=True)
            for _ in range(self.number)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def all_idle(self) -> bool:
        """Whether no thread walks."""
        return self._idle == self.number

    def wake(self) -> None:
        """Wake a thread if one more has something to walk."""
        if self._is_wanted():
            self._backlog.changed.notify()

    def close(self) -> None:
        """Finish what is in the backlog and end the threads."""
        with self._backlog.lock:
            self._closed = True
            self._backlog.changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        let_others_first()
        while batch := self._next_batch():
            with self._cores:
                error = self._runner.run(batch)
            deliver(self._put_back(batch, error), error)
            del batch, error  # nobody needs them while this waits for more

    def _next_batch(self) -> list[Sequence]:
        """The sequences whose turn it is; waits for some, and is empty after the end."""
        backlog = self._backlog
        with backlog.lock:
            backlog.changed.wait_for(lambda: self._closed or self._is_wanted())
            backlog.begin_waiting()
            if not backlog.ready:
                return []
            batch = self._take_first()
            self._idle -= 1
            self._on_light += are_light(batch)
            self.wake()
            return batch

    def _put_back(self, batch: list[Sequence], error: Exception | None) -> list[Sequence]:
        """Put a batch behind the other groups; those that are done."""
        with self._backlog.lock:
            self._idle += 1
            self._on_light -= are_light(batch)
            return self._backlog.put_back(batch, error)

    def _is_wanted(self) -> bool:
        """Whether one more thread has something to walk that is not better left to the others."""
        backlog = self._backlog
        if not self._idle or not (backlog.waiting or backlog.ready):
            return False
        if self._on_light < self._most_on_light or backlog.ready.has_heavy:
            return True
        return not are_light(backlog.waiting)

    def _take_first(self) -> list[Sequence]:
        """The batch with the earliest deadline; it runs from now on.

        Where a row costs the same in a small batch, no more than the chunk will finish: others with
        a later deadline would only keep them waiting. Of light ones, half.
        """
        backlog = self._backlog
        first, size = backlog.ready.first()
        rows, enough = math.ceil(size / self._idle), math.inf  # other threads have a share too
        if not self._runner.engine.batches:
            enough = CHUNK_SECONDS / self._runner.rate.seconds_per_step(first.group)
            if first.light:
                rows = min(size, max(CHEAP_ROWS, math.ceil(size / 2)))
        group, rows = first.group, min(self._limits.max_batch, rows)
        batch: list[Sequence] = []
        steps = 0
        while len(batch) < rows and (steps < enough or len(batch) < CHEAP_ROWS):
            batch.append(backlog.pop(group))
            steps += batch[-1].remaining
        return batch


def are_light(sequences: Iterable[Sequence]) -> bool:
    """Whether all of them are."""
    return all(sequence.light for sequence in sequences)
