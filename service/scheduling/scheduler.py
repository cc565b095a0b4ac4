"""Who computes when: a model's engine, and the threads that walk sequences through it in chunks.

Sequences of one group (same memory slots, same kind of graph) advance together; they join and
leave between chunks. Who goes first is who is due first: a while after it came, which is the longer
the more steps it has. So a short one overtakes long ones, and of equals who came first is done
first, however many come later. What comes out for one is bit for bit what it gets alone. What a
chunk is and does is in batch.py.

A thread is handed all that came in one turn of the event loop. What is short is walked there and
then, where nobody else waits for the event loop or there is no other core to do it; what is very
short always is. To wake a thread and be woken by it takes as long, and on one core all that is
short and came together is one batch on its way in, through the engine, and out.

What is brief keeps the event loop, which reads and answers it, about as busy as a thread: how many
threads walk it is in lanes.py. They take half of what is there at a time, so that there is
something to walk while the others are answered.
"""

import asyncio
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache, partial

from service.engines import Engine
from service.errors import DeadlineExceeded, Draining
from service.scheduling.admission import Admission
from service.scheduling.chunk import CHUNK_SECONDS, advance, choose_steps
from service.scheduling.cores import Cores, let_others_first
from service.scheduling.delivery import deliver, deliver_here
from service.scheduling.events import Chunk, Ended, Event, Outcome, outcome_of
from service.scheduling.interface import Leave
from service.scheduling.queue import Lines
from service.scheduling.rate import Pace
from service.scheduling.sequence import Group, Work, cut
from service.scheduling.threads import Lanes
from service.scheduling.walk import Terms, Waiter, Walk, Walked

log = logging.getLogger("ntm.scheduler")

STATE_BYTES = 2**28  # of the states of all sequences that have begun; the others wait their turn
KNOWN_SLOTS = 64  # numbers of slots whose bytes are remembered
PATIENCE, MOST_PATIENCE = 0.001, 5.0  # seconds a step, and in all, after which a sequence is due
FEW = 4  # rows that cost less together on any engine
BRIEF = 0.0004  # seconds to walk a sequence; to read and answer one takes a third of them or more
ANY_TIME, SHORT = 0.0001, 0.001  # seconds: what is very short, and what is short
TURN = 0.005  # seconds that one turn of the event loop may compute

Works = OrderedDict[Work, None]  # a queue from whose middle one can leave


class Scheduler:
    """Admits work up to a bound in steps and runs it on the engine."""

    def __init__(
        self,
        engine: Engine,
        max_batch: int,
        max_queued_steps: int,
        observe: Callable[[Event], object] = lambda event: None,
        clock: Callable[[], float] = time.monotonic,
        cores: Cores | None = None,
    ) -> None:
        self.engine = engine
        self._max_batch, self._pace = max_batch, Pace()
        self._observe, self._clock, self._cores = observe, clock, cores or Cores(1)
        self._admission = Admission(max_queued_steps, self._pace, observe)
        # Where rows cost the same alone, cores share them; else one batch of all is the fastest.
        self._lanes = Lanes(1 if engine.batches else self._cores.places)
        self._handing_over: asyncio.AbstractEventLoop | None = None
        self._changed = threading.Condition()
        self._waiting: Works = OrderedDict()
        self._lines = Lines()
        self._begun_bytes = 0
        self._closed = False
        self._row_bytes = lru_cache(KNOWN_SLOTS)(self._bytes_of_row)
        self._threads = [
            threading.Thread(target=self._run, name="scheduler", daemon=True)
            for _ in range(self._lanes.number)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def queued_steps(self) -> int:
        """Steps admitted and not yet computed."""
        return self._admission.queued

    async def walk(self, walk: Walk, terms: Terms) -> Walked:
        """Walk a sequence to its end; see `Walker`."""
        future: asyncio.Future[Walked] = asyncio.get_running_loop().create_future()
        leave = self.submit(walk, terms, future)
        outcome: Outcome = "failed"
        try:
            await asyncio.sleep(0)  # what is short is done by then, and wants no timer
            if not future.done():
                async with asyncio.timeout(terms.timeout):
                    await future
            walked = future.result()
            outcome = "ok"
            return walked
        except BaseException as error:
            outcome = outcome_of(error)
            if isinstance(error, TimeoutError):
                raise too_late(terms.timeout) from None
            raise
        finally:
            leave(outcome)

    def submit(self, walk: Walk, terms: Terms, waiter: Waiter) -> Leave:
        """Queue a sequence for a waiter on the running event loop; see `Walker`."""
        now, walk = self._clock(), cut(walk)
        due = now + min(MOST_PATIENCE, PATIENCE * walk.steps)
        work = Work(walk, terms, waiter, now, due)
        seconds = work.remaining * self._pace.guess(work.group)
        work.brief = seconds <= BRIEF and not work.halts and not terms.together
        self._admit(work)
        return partial(self._count_out, work)

    def close(self) -> None:
        """Refuse new work, finish what is there, end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def refuse_if_full(self, steps: int) -> None:
        """Say no to so many steps before any time is spent on reading them.

        Raises:
            QueueFull: no room for them now
        """
        queued = self._admission.queued
        if not self._admission.has_room(steps):
            self._admission.refuse(steps, queued)

    def _count_out(self, work: Work, outcome: Outcome) -> None:
        """Nobody waits for this any more: free its place and count it."""
        self._drop(work)
        now = self._clock()
        started = now if work.started is None else work.started
        self._observe(Ended(outcome, started - work.admitted, now - started))

    def _admit(self, work: Work) -> None:
        steps = work.remaining
        with self._changed:
            if self._closed:
                raise Draining("the service is shutting down", retry_after=5)
            queued = self._admission.queued
            if self._admission.has_room(steps):
                self._admission.count(work, steps)
                self._waiting[work] = None
                self._hand_over_soon(work.waiter.get_loop())
                return
        self._admission.refuse(steps, queued)

    def _drop(self, work: Work) -> None:
        """Free the place of whoever does not wait any more; nothing to do where it has ended."""
        with self._changed:
            if not work.counted:
                return
            self._admission.count(work, 0)
            work.dropped = True
            if work in self._waiting:
                del self._waiting[work]
            elif not work.running:  # else it leaves with the chunk
                self._begun_bytes -= self._bytes_of(work)
                self._lines.remove(work)

    def _hand_over(self) -> None:
        """Walk here what is soon done, and wake threads for the rest of what has come."""
        with self._changed:
            self._handing_over = None
            here, later = self._choose_soon_done()
            for work in here:
                del self._waiting[work]
                self._begun_bytes += self._bytes_of(work)
            batches = self._start_in_batches(here)
            if later:
                self._hand_over_soon(asyncio.get_running_loop())
            if len(self._waiting) > later and self._is_thread_wanted():
                self._changed.notify()
        while batches:
            batch = batches.pop()
            error = self._compute_or_fail(batch)
            with self._changed:
                done = self._leave(batch, error)
                batches += self._take_again(batch)
            deliver_here(done, error)

    def _hand_over_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._handing_over is not loop:
            self._handing_over = loop
            loop.call_soon(self._hand_over)

    def _choose_soon_done(self) -> tuple[list[Work], int]:
        """What this turn of the event loop walks, and how many it leaves to the next."""
        if self.engine.batches:
            return [], 0
        loop, short = asyncio.get_running_loop(), self._short()
        here, later, spent = list[Work](), 0, 0.0
        for work in self._waiting:
            seconds = work.remaining * self._pace.measured(work.group)
            if seconds > short or work.halts or work.waiter.get_loop() is not loop:
                continue
            if spent + seconds <= TURN:
                spent += seconds
                here.append(work)
            else:
                later += 1
        return here, later

    def _short(self) -> float:
        """Seconds that a sequence may take to be walked on the event loop."""
        if self._lanes.number == 1:
            return SHORT
        idle = not self._lines and self._lanes.all_idle
        return SHORT if idle and all(work.terms.alone for work in self._waiting) else ANY_TIME

    def _take_again(self, batch: list[Work]) -> list[list[Work]]:
        """Those of a batch that went back in line; their next steps may be of different groups."""
        left = [work for work in batch if work.remaining and work in self._lines]
        for work in left:
            self._lines.remove(work)
        return self._start_in_batches(left)

    def _start_in_batches(self, works: Iterable[Work]) -> list[list[Work]]:
        groups: dict[Group, list[Work]] = {}
        for work in works:
            groups.setdefault(work.group, []).append(work)
        most = self._max_batch
        batches = [b[i : i + most] for b in groups.values() for i in range(0, len(b), most)]
        for batch in batches:
            self._start(batch)
        return batches

    def _run(self) -> None:
        let_others_first()
        while batch := self._next_batch():
            with self._cores:
                error = self._compute_or_fail(batch)
            deliver(self._leave(batch, error), error)
            del batch, error  # nobody needs them while this waits for more

    def _compute_or_fail(self, batch: list[Work]) -> Exception | None:
        """Run one chunk; an engine's failure belongs to the requests it hit."""
        try:
            self._compute(batch)
        except Exception as error:
            log.exception("the engine failed")
            return error
        return None

    def _next_batch(self) -> list[Work]:
        """Those whose turn it is; waits for work, and is empty after the end."""
        with self._changed:
            self._lanes.rest()
            self._changed.wait_for(lambda: self._closed or self._is_thread_wanted())
            self._begin_waiting()
            if not self._lines:
                return []
            batch = self._take_first()
            self._lanes.begin(batch)
            if self._is_thread_wanted():
                self._changed.notify()
            return batch

    def _is_thread_wanted(self) -> bool:
        """Whether one more thread has something to walk that is not better left to the others."""
        if not self._lanes.idle or not (self._waiting or self._lines):
            return False
        if self._lanes.may_be_brief or self._lines.has_long:
            return True
        return not all(work.brief for work in self._waiting)

    def _take_first(self) -> list[Work]:
        """Those that go first; they are running from now on.

        Where a row costs the same in a small batch, no more than the chunk will finish: others that
        are due later would only keep them waiting. Of what is brief, half.
        """
        first, there = self._lines.first()
        group, rows, enough = first.group, self._lanes.share(there), math.inf
        if not self.engine.batches:
            enough = CHUNK_SECONDS / self._pace.guess(group)
            if first.brief:
                rows = min(there, max(FEW, math.ceil(there / 2)))
        rows = min(self._max_batch, rows)
        batch, steps = list[Work](), 0
        while len(batch) < rows and (steps < enough or len(batch) < FEW):
            batch.append(self._lines.pop(group))
            steps += batch[-1].remaining
        self._start(batch)
        return batch

    def _start(self, batch: list[Work]) -> None:
        now = self._clock()
        for work in batch:
            work.running = True
            work.started = now if work.started is None else work.started

    def _begin_waiting(self) -> None:
        """Let in whoever waits, as far as memory for their states goes; one always may."""
        while self._waiting:
            work = next(iter(self._waiting))
            size = self._bytes_of(work)
            if self._lines and self._begun_bytes + size > STATE_BYTES:
                return
            del self._waiting[work]
            self._begun_bytes += size
            self._lines.add(work)

    def _compute(self, batch: list[Work]) -> None:
        """Run one chunk and learn from it."""
        began, group = self._clock(), batch[0].group
        before = sum(work.position for work in batch)
        steps = choose_steps(self.engine, batch, self._pace.guess(group))
        advance(self.engine, batch, steps)
        useful = sum(work.position for work in batch) - before
        seconds = max(self._clock() - began, 1e-9)
        computed = useful if self.engine.ragged else steps * len(batch)
        self._pace.learn(group, computed, useful, seconds)
        self._observe(Chunk(len(batch), computed, useful, seconds))

    def _leave(self, batch: list[Work], error: Exception | None) -> list[Work]:
        """Put a batch back in line, behind the other groups; who is done leaves and is returned."""
        done = []
        with self._changed:
            for work in batch:
                work.running = False
                ended = error is not None or not work.remaining
                if ended or work.dropped:
                    self._begun_bytes -= self._bytes_of(work)
                else:
                    self._lines.add(work)
                if not work.dropped:
                    self._admission.count(work, 0 if ended else work.remaining)
                    if ended:
                        done.append(work)
        return done

    def _bytes_of(self, work: Work) -> int:
        return self._row_bytes(work.walk.slots)

    def _bytes_of_row(self, slots: int) -> int:
        """Bytes of one row of state."""
        known = {"batch": 1, "slots": slots}
        return sum(
            4 * math.prod(known[d] if isinstance(d, str) else d for d in tensor.shape)
            for tensor in self.engine.signature.state
        )


def too_late(timeout: float) -> DeadlineExceeded:
    """The error of a request whose seconds are over."""
    return DeadlineExceeded(f"no answer within {timeout:g} seconds")
