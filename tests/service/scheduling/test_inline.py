"""Short sequences are walked on the event loop, with the bits that a thread gives."""

import asyncio

import numpy as np
import pytest

from service.engines import Engine
from service.scheduling.walk import Segment, Terms, Walk
from tests.service.bodies import draw
from tests.service.scheduling.scheduling import (
    FakeEngine,
    FixedRate,
    Run,
    equal,
    run,
    scheduler_of,
    segments,
    sequence_of,
    walk,
)

FAST, UNKNOWN = 1e-6, float("inf")  # seconds a step


def in_threads(run: Run) -> bool:
    """Hold chunks of threads, but none of the event loop."""
    return not run.is_inline


@pytest.mark.parametrize(
    ("cores", "alone", "seconds", "inline"),
    [
        (2, True, 0.0002, True),  # to wake a thread would take longer
        (2, True, 0.5, False),  # nobody should wait for so long
        (2, True, UNKNOWN, False),  # until the rate is known nobody keeps the event loop
        (2, False, 0.0002, False),  # the event loop has others to serve, and there is another core
        (2, False, 0.00002, True),
        (1, False, 0.0002, True),
    ],
)
def test_what_is_short_is_walked_on_the_event_loop(
    engine: Engine, cores: int, alone: bool, seconds: float, inline: bool
) -> None:
    fake, x = FakeEngine(engine, batches=False), draw(4)
    rate = FixedRate(seconds / len(x))
    scheduler, other = scheduler_of(fake, rate=rate, cores=cores), scheduler_of(engine)

    async def main() -> None:
        terms = Terms(60, alone=alone)
        result = await scheduler.walk(Walk(x, 16, segments(len(x))), terms)
        assert equal(result, await walk(other, x))

    run(main)
    scheduler.close()
    other.close()
    assert {one.is_inline for one in fake.runs} == {inline}


def test_those_who_begin_alike_may_go_on_differently_on_the_event_loop(engine: Engine) -> None:
    fake = FakeEngine(engine, batches=False)
    scheduler, other = scheduler_of(fake, rate=FixedRate(FAST)), scheduler_of(engine)
    x = draw(9)
    plain = [Segment("predict", 2), Segment("predict", 9, ("read_weightings",))]
    inside = [Segment("predict", 2), Segment("inspect", 9, ("content_weighting",))]

    async def main() -> None:
        for order in ([plain, inside], [inside, plain]):
            walks = [Walk(x, 16, parts) for parts in order]
            results = await asyncio.gather(*(scheduler.walk(one, Terms(60)) for one in walks))
            for one, result in zip(walks, results, strict=True):
                assert equal(result, await other.walk(one, Terms(60)))

    run(main)
    scheduler.close()
    other.close()
    assert all(one.is_inline for one in fake.runs)


def test_what_is_very_short_waits_for_nobody(engine: Engine) -> None:
    fake = FakeEngine(engine, in_threads, batches=False)
    scheduler, other = scheduler_of(fake, rate=FixedRate(2e-5)), scheduler_of(engine)

    async def main() -> None:
        long = asyncio.create_task(walk(scheduler, draw(500)))
        await fake.held()
        assert equal(await walk(scheduler, draw(3)), await walk(other, draw(3)))
        assert not long.done()
        fake.release()
        assert (await long).outputs.shape == (500, 4)
        assert scheduler.queued_steps == 0

    run(main)
    scheduler.close()
    other.close()


def test_what_is_interrupted_at_every_step_is_not_walked_on_the_event_loop(engine: Engine) -> None:
    parts = [Segment("predict", 2), Segment("inspect", 3, ("memory",))]
    plain, interrupted = Walk(draw(3), 16, parts[:1]), Walk(draw(3), 16, parts)
    assert not sequence_of(plain).is_interrupted
    assert sequence_of(interrupted).is_interrupted
    fake = FakeEngine(engine, batches=False)
    scheduler = scheduler_of(fake, rate=FixedRate(FAST))
    run(lambda: scheduler.walk(interrupted, Terms(60)))
    scheduler.close()
    assert not any(one.is_inline for one in fake.runs)


def test_those_walked_on_the_event_loop_fail_alone(engine: Engine) -> None:
    fake = FakeEngine(engine, batches=False)
    scheduler = scheduler_of(fake, rate=FixedRate(FAST))

    async def main() -> None:
        fake.fail_on = 7.0
        with pytest.raises(RuntimeError, match="the engine broke"):
            await walk(scheduler, np.full((3, 6), 7, np.float32))
        assert (await walk(scheduler, draw(3))).outputs.shape == (3, 4)
        assert scheduler.queued_steps == 0

    run(main)
    scheduler.close()
    assert all(one.is_inline for one in fake.runs)


def test_what_one_turn_has_no_time_for_is_left_to_the_next(engine: Engine) -> None:
    fake = FakeEngine(engine, batches=False)
    limits = {"inline_if_free": 3.0, "inline_per_turn": 7.0}  # each takes 3 s: two a turn
    scheduler = scheduler_of(fake, rate=FixedRate(1.0), **limits)
    other = scheduler_of(engine)
    sequences = [draw(3, seed) for seed in range(5)]

    async def main() -> None:
        together = [walk(scheduler, x) for x in sequences]
        for x, result in zip(sequences, await asyncio.gather(*together), strict=True):
            assert equal(result, await walk(other, x))

    run(main)
    scheduler.close()
    other.close()
    assert all(one.is_inline and one.rows <= 2 for one in fake.runs)
