"""How many threads walk what is ready, and how large a batch each takes."""

import asyncio
import queue

import numpy as np
import pytest

from service.engines import Engine
from service.scheduling.scheduler import Scheduler
from service.scheduling.walk import Terms, Walk
from tests.service.bodies import draw
from tests.service.scheduling.scheduling import (
    FakeEngine,
    FixedRate,
    equal,
    everything,
    run,
    scheduler_of,
    segments,
    walk,
)

LIGHT, HEAVY = 3, 500  # steps
RATE = 1e-4  # seconds a step: light ones are not so short that the event loop walks them


def scheduler_on(fake: FakeEngine, cores: int) -> Scheduler:
    """A scheduler that knows the rate of its engine."""
    return scheduler_of(fake, 64, rate=FixedRate(RATE), cores=cores)


def fake_of(engine: Engine) -> FakeEngine:
    """An engine whose rows cost the same alone, and which holds every chunk."""
    return FakeEngine(engine, everything, batches=False, ragged=False)


@pytest.mark.parametrize(("cores", "threads"), [(2, 1), (3, 2), (5, 2)])
def test_light_ones_leave_a_core_to_the_event_loop(
    engine: Engine, cores: int, threads: int
) -> None:
    fake, other = fake_of(engine), scheduler_of(engine, 64)
    sequences = [draw(LIGHT, seed) for seed in range(32)]

    async def main() -> None:
        scheduler = scheduler_on(fake, cores)
        walks = [asyncio.create_task(walk(scheduler, x)) for x in sequences]
        for _ in range(threads):
            await fake.held()
        with pytest.raises(queue.Empty):
            await fake.held(within=0.2)
        halves = [16, 8]  # of 32, and of what is left
        assert [one.rows for one in fake.runs] == halves[:threads]
        heavy = asyncio.create_task(walk(scheduler, draw(HEAVY)))  # it is worth another thread
        await fake.held()
        fake.release()
        for x, result in zip(sequences, await asyncio.gather(*walks), strict=True):
            assert equal(result, await walk(other, x))
        assert equal(await heavy, await walk(other, draw(HEAVY)))
        assert scheduler.queued_steps == 0
        scheduler.close()

    run(main)
    other.close()


@pytest.mark.parametrize(("steps", "together"), [(HEAVY, False), (LIGHT, True)])
def test_heavy_ones_and_those_of_one_answer_have_all_threads(
    engine: Engine, steps: int, together: bool
) -> None:
    fake = fake_of(engine)

    async def main() -> None:
        scheduler = scheduler_on(fake, 3)
        walks = [Walk(draw(steps, seed), 16, segments(steps)) for seed in range(9)]
        terms = Terms(30, together=together)
        answer = asyncio.gather(*(scheduler.walk(one, terms) for one in walks))
        for _ in range(3):
            await fake.held()
        assert len({one.thread for one in fake.runs}) == 3
        assert [one.rows for one in fake.runs] == [3, 3, 3]
        fake.release()
        await answer
        scheduler.close()

    run(main)


def test_a_light_one_does_not_wait_for_the_chunk_of_a_heavy_one(engine: Engine) -> None:
    fake = fake_of(engine)
    fake.holds = lambda one: one.steps >= 2 * LIGHT

    async def main() -> None:
        scheduler = scheduler_on(fake, 2)
        heavy = asyncio.create_task(walk(scheduler, draw(HEAVY)))
        await fake.held()
        x = np.ones((LIGHT, 6), np.float32)
        assert (await walk(scheduler, x)).outputs.shape == (LIGHT, 4)
        assert not heavy.done()
        fake.release()
        await heavy
        scheduler.close()

    run(main)
