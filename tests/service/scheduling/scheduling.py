"""How tests ask a scheduler, and an engine that waits for them."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from ntm.signature import State
from service.engines import Engine, Kind, Pins, Values
from service.scheduling.scheduler import Scheduler
from service.scheduling.walk import Segment, Terms, Walk, Walked
from tests.service.bodies import Float, same

KEPT = frozenset(("read_weightings", "write_weightings"))


class Gate:
    """An engine that computes only when the test lets it, and fails where it is told to."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.open, self.entered = threading.Event(), threading.Semaphore(0)
        self.batches: list[int] = []
        self.fail_on: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def run(
        self, kind: Kind, x: Float, state: State, pins: Pins | None = None, *lengths: Any
    ) -> tuple[Values, State]:
        """One chunk, once the gate is open."""
        self.entered.release()
        assert self.open.wait(30)
        self.batches.append(x.shape[1])
        if self.fail_on is not None and (x == self.fail_on).any():
            raise RuntimeError("the engine broke")
        return self.engine.run(kind, x, state, pins, *lengths)


def segments(steps: int) -> list[Segment]:
    """Predict all of it and keep the weightings."""
    return [Segment("predict", steps, KEPT)]


def walk(scheduler: Scheduler, x: Float, slots: int = 16, timeout: float = 30) -> Any:
    """Walk one sequence in the usual way."""
    return scheduler.walk(Walk(x, slots, segments(len(x))), Terms(timeout))


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test's coroutine, and never for ever."""
    asyncio.run(asyncio.wait_for(test(), 60))


def equal(left: Walked, right: Walked) -> bool:
    """The same bits in everything."""
    return same(left.outputs, right.outputs) and all(
        same(left.values[name], right.values[name]) for name in left.values.keys() | right.values
    )
