"""How many threads walk what is there, and how much of it each takes."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ntm.repository.folders import VersionFolder
from ntm.signature import State
from service.engines import Engine, Values, open_engine
from service.scheduling.cores import Cores
from service.scheduling.scheduler import Scheduler
from service.scheduling.walk import Terms, Walk
from tests.service.bodies import Float, draw
from tests.service.scheduling.scheduling import equal, run, segments, walk

SHORT, LONG = 3, 500  # steps
PACE = 1e-4  # seconds a step: the short ones are not so short that the event loop walks them


@pytest.fixture(scope="module")
def engine(repository: Path) -> Engine:
    """A real engine."""
    return open_engine(VersionFolder(repository / "copy" / "1"), "onnx", "cpu", 1)


class Held:
    """An engine whose rows cost the same alone, and which lets nobody go that the test holds."""

    batches = ragged = False

    def __init__(self, engine: Engine, held: int = 0) -> None:
        self.engine, self.held = engine, held  # the fewest rows or steps of a chunk that is held
        self.open, self.entered = threading.Event(), threading.Semaphore(0)
        self.chunks: list[tuple[int | None, int]] = []  # the thread, and how many rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def run(self, kind: Any, x: Float, *asked: Any) -> tuple[Values, State]:
        """One chunk."""
        self.chunks.append((threading.current_thread().ident, x.shape[1]))
        self.entered.release()
        assert max(x.shape[:2]) < self.held or self.open.wait(30)
        return self.engine.run(kind, x, *asked)


async def scheduler_of(held: Held, cores: int) -> Scheduler:
    """A scheduler that knows the pace of its engine."""
    scheduler = Scheduler(held, 64, 100_000, cores=Cores(cores))  # type: ignore[arg-type]
    held.open.set()
    await walk(scheduler, draw(SHORT))
    while scheduler._lanes.idle < cores:
        await asyncio.sleep(0.001)
    scheduler._pace._seconds = dict.fromkeys(scheduler._pace._seconds, PACE)
    held.open.clear()
    held.chunks.clear()
    while held.entered.acquire(blocking=False):
        pass
    return scheduler


async def entered(held: Held, within: float = 30) -> bool:
    """Whether one more chunk is begun within so many seconds."""
    return await asyncio.to_thread(held.entered.acquire, timeout=within)


@pytest.mark.parametrize(("cores", "threads"), [(2, 1), (3, 2), (5, 2)])
def test_short_ones_leave_a_core_to_the_event_loop(
    engine: Engine, cores: int, threads: int
) -> None:
    held = Held(engine)
    sequences = [draw(SHORT, seed) for seed in range(32)]

    async def main() -> None:
        other = Scheduler(engine, 64, 100_000)
        scheduler = await scheduler_of(held, cores)
        walks = [asyncio.create_task(walk(scheduler, x)) for x in sequences]
        for _ in range(threads):
            assert await entered(held)
        assert not await entered(held, within=0.2)
        halves = [16, 8]  # of 32, and of what is left
        assert [rows for _, rows in held.chunks] == halves[:threads]
        long = asyncio.create_task(walk(scheduler, draw(LONG)))  # for which it is worth another
        assert await entered(held)
        held.open.set()
        for x, given in zip(sequences, await asyncio.gather(*walks), strict=True):
            assert equal(given, await walk(other, x))
        assert equal(await long, await walk(other, draw(LONG)))
        assert scheduler.queued_steps == 0
        scheduler.close()
        other.close()

    run(main)


@pytest.mark.parametrize(("steps", "together"), [(LONG, False), (SHORT, True)])
def test_long_ones_and_those_of_one_answer_have_all_threads(
    engine: Engine, steps: int, together: bool
) -> None:
    held = Held(engine)

    async def main() -> None:
        scheduler = await scheduler_of(held, 3)
        terms = Terms(30, together=together)
        answer = asyncio.gather(
            *(
                scheduler.walk(Walk(draw(steps, seed), 16, segments(steps)), terms)
                for seed in range(9)
            )
        )
        for _ in range(3):
            assert await entered(held)
        assert len({thread for thread, _ in held.chunks}) == 3
        assert [rows for _, rows in held.chunks] == [3, 3, 3]
        held.open.set()
        await answer
        scheduler.close()

    run(main)


def test_a_short_one_does_not_wait_for_the_chunk_of_a_long_one(engine: Engine) -> None:
    held = Held(engine, held=2 * SHORT)

    async def main() -> None:
        scheduler = await scheduler_of(held, 2)
        long = asyncio.create_task(walk(scheduler, draw(LONG)))
        assert await entered(held)
        x = np.ones((SHORT, 6), np.float32)
        assert (await walk(scheduler, x)).outputs.shape == (SHORT, 4)
        assert not long.done()
        held.open.set()
        await long
        scheduler.close()

    run(main)
