"""A fake engine, a fixed rate, and the usual ways to ask a scheduler."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ntm.signature import State
from service.engines import Engine, Kind, Pins, Values
from service.scheduling.cores import Cores
from service.scheduling.events import Event
from service.scheduling.limits import Instruments, Limits
from service.scheduling.rate import RateEstimate
from service.scheduling.scheduler import Scheduler
from service.scheduling.sequence import Group, Sequence
from service.scheduling.walk import Segment, Terms, Walk, Walked
from tests.service.bodies import Float, draw, same

KEPT = ("read_weightings", "write_weightings")
LONGEST_WAIT = 120.0  # seconds that a test waits for what should come at once


@dataclass(frozen=True)
class Run:
    """One chunk that an engine was asked for."""

    rows: int
    steps: int
    thread: int = field(default_factory=threading.get_ident)
    go: threading.Event = field(default_factory=threading.Event)

    @property
    def is_inline(self) -> bool:
        """Whether it ran on the main thread, where the event loop is."""
        return self.thread == threading.main_thread().ident


def nothing(run: Run) -> bool:
    """Hold no chunk."""
    return False


def everything(run: Run) -> bool:
    """Hold every chunk."""
    return True


class FakeEngine:
    """A real engine that lists its chunks, holds those a test chooses, and fails where it should.

    Facts of the engine can be given by name: `batches=False`.
    """

    def __init__(
        self, engine: Engine, holds: Callable[[Run], bool] = nothing, **facts: Any
    ) -> None:
        self._engine, self.holds = engine, holds
        self.runs: list[Run] = []
        self.fail_on: float | None = None  # an input
        self._held: queue.SimpleQueue[Run] = queue.SimpleQueue()
        vars(self).update(facts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def run(
        self, kind: Kind, x: Float, state: State, pins: Pins | None = None, *more: Any
    ) -> tuple[Values, State]:
        """One chunk, once the test lets it go."""
        run = Run(x.shape[1], len(x))
        self.runs.append(run)
        if self.holds(run):
            self._held.put(run)
            assert run.go.wait(LONGEST_WAIT)
        if self.fail_on is not None and (x == self.fail_on).any():
            raise RuntimeError("the engine broke")
        return self._engine.run(kind, x, state, pins, *more)

    async def held(self, within: float = LONGEST_WAIT) -> Run:
        """The next chunk that is held; the test lets it go.

        Raises:
            queue.Empty: none came in time
        """
        return await asyncio.to_thread(self._held.get, timeout=within)

    async def next(self) -> Run:
        """The next chunk that is held, let go."""
        run = await self.held()
        run.go.set()
        return run

    async def until(self, task: "asyncio.Future[Any]") -> int:
        """Let chunks go until a task is done; how many."""
        count = 0
        while not task.done():
            if self._held.empty():
                await asyncio.sleep(0)
                continue
            await self.next()
            count += 1
        return count

    def release(self) -> None:
        """Let all go, and hold no more."""
        self.holds = nothing
        for run in self.runs:
            run.go.set()


class FixedRate(RateEstimate):
    """An estimate that no chunk changes."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds  # a step of a row

    def seconds_per_step(self, group: Group) -> float:
        """See `RateEstimate`."""
        return self.seconds

    def measured_seconds_per_step(self, group: Group) -> float:
        """See `RateEstimate`."""
        return self.seconds

    def update(self, group: Group, computed: int, useful: int, seconds: float) -> None:
        """See `RateEstimate`."""


def scheduler_of(
    engine: Any,
    max_batch: int = 4,
    max_queued_steps: int = 100_000,
    *,
    observe: Callable[[Event], object] | None = None,
    rate: RateEstimate | None = None,
    clock: Callable[[], float] = time.monotonic,
    cores: int = 1,
    **limits: Any,
) -> Scheduler:
    """A scheduler with the usual limits, or others."""
    watch = observe or (lambda event: None)
    instruments = Instruments(watch, clock, rate or RateEstimate())
    bounds = Limits(max_batch, max_queued_steps, **limits)
    return Scheduler(engine, bounds, instruments, Cores(cores))


NOBODY: Any = SimpleNamespace(get_loop=lambda: None)  # waits for nothing, on no event loop


def sequence_of(walk: Walk | None = None, deadline: float = 0.0) -> Sequence:
    """A sequence that nobody waits for; of one step by default."""
    walk = walk or Walk(draw(1), 16, [Segment("predict", 1)])
    return Sequence(walk, Terms(1), NOBODY, 0.0, deadline)


def segments(steps: int) -> list[Segment]:
    """Predict all of it and keep the weightings."""
    return [Segment("predict", steps, KEPT)]


def walk(scheduler: Scheduler, x: Float, slots: int = 16, timeout: float = 30) -> Any:
    """Walk one sequence in the usual way."""
    return scheduler.walk(Walk(x, slots, segments(len(x))), Terms(timeout))


async def submitted() -> None:
    """Let tasks that were just made submit their sequences."""
    for _ in range(3):
        await asyncio.sleep(0)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test's coroutine, and never for ever."""
    asyncio.run(asyncio.wait_for(test(), LONGEST_WAIT))


def equal(left: Walked, right: Walked) -> bool:
    """The same bits in everything."""
    return same(left.outputs, right.outputs) and all(
        same(left.values[name], right.values[name]) for name in left.values.keys() | right.values
    )
