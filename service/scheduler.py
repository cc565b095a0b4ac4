"""Who computes when: one thread owns a model's engine and walks sequences through it in chunks.

Sequences with the same number of memory slots advance together as one batch; they join and leave
between chunks, and what comes out for one is bit for bit what it gets alone.
"""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ntm.signature import State
from service.engines import Engine, Kind, Values
from service.errors import DeadlineExceeded, Draining, QueueFull


@dataclass(frozen=True)
class Segment:
    """A stretch of a sequence, up to step `stop`, that is walked in one way."""

    kind: Kind
    stop: int
    keep: frozenset[str] = frozenset()  # values kept beside the outputs
    memory: bool = False  # keep the matrix that every step's reads saw


@dataclass(frozen=True)
class Walked:
    """What came of a sequence: time first, no batch axis."""

    outputs: NDArray[np.float32]  # [T, O]
    values: Values  # what its segments kept, [steps kept, ...]
    engine_seconds: float = 0.0  # of the chunks that it was part of


@dataclass(eq=False)
class Work:
    """One sequence on its way through the engine."""

    sequence: NDArray[np.float32]  # [T, I]
    slots: int
    segments: Sequence[Segment]
    state: State
    future: "Future[Walked]" = field(default_factory=Future)
    position: int = 0
    turn: float = 0.0  # when it last advanced
    engine_seconds: float = 0.0
    outputs: list[NDArray[np.float32]] = field(default_factory=list)
    kept: dict[str, list[NDArray[np.float32]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def segment(self) -> Segment:
        """The segment that the next step lies in."""
        return next(s for s in self.segments if self.position < s.stop)

    @property
    def remaining(self) -> int:
        """Steps still to walk."""
        return len(self.sequence) - self.position

    def finish(self) -> Walked:
        """All of it, joined over time."""
        values = {name: np.concatenate(parts) for name, parts in self.kept.items()}
        return Walked(np.concatenate(self.outputs), values, self.engine_seconds)


@dataclass(frozen=True)
class Chunk:
    """One run of the engine, for whoever counts."""

    rows: int
    steps: int
    seconds: float


class Scheduler:
    """Admits work up to a bound in steps and runs it on the engine."""

    def __init__(
        self,
        engine: Engine,
        max_batch: int,
        max_queued_steps: int,
        observe: Callable[[Chunk], object] = lambda chunk: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self._max_batch, self._max_queued_steps = max_batch, max_queued_steps
        self._observe, self._clock = observe, clock
        self._changed = threading.Condition()
        self._works: list[Work] = []
        self._closed = False
        self._steps_per_second = 1000.0
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    @property
    def queued_steps(self) -> int:
        """Steps admitted and not yet computed."""
        with self._changed:
            return self._queued()

    async def walk(
        self,
        sequence: NDArray[np.float32],
        slots: int,
        segments: Sequence[Segment],
        timeout: float,
    ) -> Walked:
        """Walk a new sequence to its end.

        Args:
            sequence: [T, I]
            slots: N
            segments: how; the last one stops at T
            timeout: seconds until it is given up
        Raises:
            QueueFull: no room for T more steps
            Draining: the scheduler is closed
            DeadlineExceeded: the timeout passed first; the place is freed
        """
        work = self._admit(sequence, slots, segments)
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.wrap_future(work.future)
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {timeout:g} seconds") from None
        finally:
            work.future.cancel()

    def close(self) -> None:
        """Refuse new work, finish what is there, end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _admit(
        self, sequence: NDArray[np.float32], slots: int, segments: Sequence[Segment]
    ) -> Work:
        work = Work(sequence, slots, segments, self.engine.initial_state(slots))
        with self._changed:
            if self._closed:
                raise Draining("the service is shutting down", retry_after=5)
            queued = self._queued()
            if queued and queued + work.remaining > self._max_queued_steps:
                wait = max(1, round(queued / self._steps_per_second))
                raise QueueFull(
                    f"{queued} of {self._max_queued_steps} steps are queued, no room for "
                    f"{work.remaining} more; try again in {wait} s",
                    retry_after=wait,
                )
            self._works.append(work)
            self._changed.notify()
        return work

    def _queued(self) -> int:
        """Steps that somebody still waits for; who has left frees the place at once."""
        return sum(work.remaining for work in self._works if not work.future.done())

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._works or self._closed)
                self._works = [w for w in self._works if not w.future.done()]
                if not self._works:
                    if self._closed:
                        return
                    continue
                batch = self._next_batch()
            try:
                self._advance(batch)
            except Exception as error:  # an engine's failure belongs to the requests it hit
                for work in batch:
                    fail(work, error)
                continue
            for work in batch:
                if not work.remaining and work.future.set_running_or_notify_cancel():
                    work.future.set_result(work.finish())

    def _next_batch(self) -> list[Work]:
        """The work that has waited longest, and all that can go with it."""
        waited = sorted(self._works, key=lambda work: work.turn)
        first = waited[0]
        return [
            work
            for work in waited
            if work.slots == first.slots
            and work.segment.kind == first.segment.kind
            and work.segment.memory == first.segment.memory
        ][: self._max_batch]

    def _advance(self, batch: list[Work]) -> None:
        """Run one chunk for a batch."""
        started, kind = self._clock(), batch[0].segment.kind
        steps = min(work.segment.stop - work.position for work in batch)
        steps = 1 if batch[0].segment.memory else self.engine.longest(kind, steps)
        x = np.stack([w.sequence[w.position : w.position + steps] for w in batch], axis=1)
        names = batch[0].state.keys()
        state = {name: np.concatenate([w.state[name] for w in batch]) for name in names}
        values, after = self.engine.run(kind, x, state)
        if batch[0].segment.memory:
            values["memory"] = state["memory"][None]
        for row, work in enumerate(batch):
            segment = work.segment
            work.outputs.append(row_of(values["outputs"], row))
            for name in segment.keep:
                work.kept[name].append(row_of(values[name], row))
            work.state = {name: value[row : row + 1] for name, value in after.items()}
            work.position += steps
            work.turn = started
        seconds = self._clock() - started
        for work in batch:
            work.engine_seconds += seconds
        rate = len(batch) * steps / max(seconds, 1e-9)
        self._steps_per_second += 0.1 * (rate - self._steps_per_second)
        self._observe(Chunk(len(batch), steps, seconds))


def row_of(batch: NDArray[np.float32], row: int) -> NDArray[np.float32]:
    """One row of [K, B, ...] that does not keep its neighbours in memory."""
    return batch[:, row] if batch.shape[1] == 1 else batch[:, row].copy()


def fail(work: Work, error: Exception) -> None:
    """Give an error to whoever waits, and let go of the work."""
    work.position = len(work.sequence)
    if work.future.set_running_or_notify_cancel():
        work.future.set_exception(error)
