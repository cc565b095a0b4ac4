"""Scheduler of one engine: continuous batching in chunks, earliest deadline first.

Sequences of one group (same memory slots, same kind of graph) advance together; they join and
leave between chunks. The result of each is bit for bit what it is alone.

    walk -> admission.py -> backlog.py -> inline.py or threads.py -> runner.py -> delivery.py

Which sequence goes first is in queue.py, how a chunk is cut and computed in chunk.py.
"""

import asyncio

from service.engines import Engine
from service.errors import DeadlineExceeded, Draining
from service.scheduling.backlog import Backlog
from service.scheduling.cores import Cores
from service.scheduling.events import Ended, Outcome, outcome_of
from service.scheduling.inline import InlineRunner
from service.scheduling.limits import Instruments, Limits
from service.scheduling.queue import deadline_of
from service.scheduling.runner import ChunkRunner
from service.scheduling.sequence import Sequence, Status, cut
from service.scheduling.threads import WorkerThreads
from service.scheduling.walk import Terms, Walk, Walked

# Seconds to walk a light sequence; to read and answer one takes a third of them or more.
LIGHT = 0.0004


class Scheduler:
    """Admits sequences up to a bound in steps and has them walked by the engine."""

    def __init__(
        self,
        engine: Engine,
        limits: Limits,
        instruments: Instruments | None = None,
        cores: Cores | None = None,
    ) -> None:
        """Start its threads.

        Args:
            engine: of one model version
            limits: of queue, batches and memory
            instruments: the observer, clock and rate estimate; of its own by default
            cores: shared with other schedulers; one of its own by default
        """
        self._instruments = instruments or Instruments()
        self._backlog = Backlog(engine.signature, limits, self._instruments)
        runner = ChunkRunner(engine, self._instruments)
        self._threads = WorkerThreads(self._backlog, runner, limits, cores or Cores(1))
        self._inline = InlineRunner(self._backlog, runner, self._threads, limits)
        self.closed = False  # whether new sequences are refused

    @property
    def queued_steps(self) -> int:
        """Steps admitted and not yet computed."""
        return self._backlog.admission.queued_steps

    async def walk(self, walk: Walk, terms: Terms) -> Walked:
        """Walk a sequence to its end; see `Walker`."""
        loop, now, walk = asyncio.get_running_loop(), self._instruments.clock(), cut(walk)
        future: asyncio.Future[Walked] = loop.create_future()
        sequence = Sequence(walk, terms, future, now, deadline_of(now, walk.steps))
        self._admit(sequence)
        timer = loop.call_later(terms.timeout, give_up, future, terms)
        outcome: Outcome = "failed"
        try:
            walked = await future
            outcome = "ok"
            return walked
        except BaseException as error:
            outcome = outcome_of(error)
            raise
        finally:
            timer.cancel()
            self._leave(sequence, outcome)

    def refuse_if_full(self, steps: int) -> None:
        """Refuse so many steps before any time is spent on reading them.

        Raises:
            QueueFull: no room for them now
        """
        admission = self._backlog.admission
        queued = admission.queued_steps
        if not admission.has_room(steps):
            admission.refuse(steps, queued)

    def close(self) -> None:
        """Refuse new sequences, finish those there are, end the threads."""
        with self._backlog.lock:
            self.closed = True
        self._threads.close()

    def _admit(self, sequence: Sequence) -> None:
        admission, steps = self._backlog.admission, sequence.remaining
        if not (sequence.terms.together or sequence.is_interrupted):
            rate = self._instruments.rate.seconds_per_step(sequence.group)
            sequence.light = steps * rate <= LIGHT
        with self._backlog.lock:
            if self.closed:
                raise Draining("the service is shutting down", retry_after=5)
            queued = admission.queued_steps
            if admission.has_room(steps):
                self._backlog.add(sequence)
                self._inline.look_soon(sequence.loop)
                return
        admission.refuse(steps, queued)

    def _leave(self, sequence: Sequence, outcome: Outcome) -> None:
        """Free the place of a sequence whose waiter waits no more, and count it."""
        if sequence.status is not Status.DONE:
            with self._backlog.lock:
                self._backlog.leave(sequence)
        now = self._instruments.clock()
        started = now if sequence.started is None else sequence.started
        ended = Ended(outcome, started - sequence.arrived, now - started)
        self._instruments.report(ended)


def give_up(future: asyncio.Future[Walked], terms: Terms) -> None:
    """Wait no more for a result that has not come in time."""
    if not future.done():
        future.set_exception(too_late(terms.timeout + terms.spent))


def too_late(timeout: float) -> DeadlineExceeded:
    """The error of a request whose seconds are over."""
    return DeadlineExceeded(f"no answer within {timeout:g} seconds")
