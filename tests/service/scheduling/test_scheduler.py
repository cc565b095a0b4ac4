"""Sequences that share an engine get what they get alone, and every waiter gets its answer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm.repository.folders import VersionFolder
from service.engines import Engine, Kind, open_engine
from service.errors import DeadlineExceeded, Draining, QueueFull
from service.scheduling.scheduler import Scheduler
from service.scheduling.sequence import Sequence
from service.scheduling.walk import Segment, Terms, Walk, Walked
from tests.service.bodies import Float, draw
from tests.service.scheduling.scheduling import (
    KEPT,
    FakeEngine,
    equal,
    everything,
    run,
    scheduler_of,
    submitted,
    walk,
)

BOTH = [("onnx", "odd"), ("torchscript", "copy")]
engines: dict[tuple[str, str], Engine] = {}  # open_engine takes longer than an example


@pytest.fixture
def fake(engine: Engine) -> FakeEngine:
    """An engine that holds its chunks."""
    return FakeEngine(engine, everything)


@pytest.fixture
def scheduler(fake: FakeEngine) -> Iterator[Scheduler]:
    """On the fake engine; room for a batch of 4 and 100 steps."""
    scheduler = scheduler_of(fake, max_batch=4, max_queued_steps=100)
    yield scheduler
    fake.release()
    scheduler.close()


@st.composite
def schedules(draw_from: Any) -> list[tuple[Float, int, list[Segment], int]]:
    """Callers: a sequence, its N, what it keeps, and after how many turns it arrives."""
    callers = []
    for seed in range(draw_from(st.integers(2, 6))):
        steps = draw_from(st.integers(1, 70))
        slots = draw_from(st.sampled_from([1, 5, 16, 37]))
        cut = draw_from(st.integers(0, steps))
        kind: Kind = draw_from(st.sampled_from(["predict", "inspect"]))
        inside = ("weighting",) if steps >= 20 else ("weighting", "memory")
        kept = KEPT if kind == "predict" else inside
        parts = [Segment("predict", cut)] if cut else []
        if cut < steps:
            parts.append(Segment(kind, steps, kept))
        loud = draw_from(st.sampled_from([0.0, 1.0, 1e20]))
        arrival = draw_from(st.integers(0, 12))
        callers.append(((draw(steps, seed) * loud).astype(np.float32), slots, parts, arrival))
    return callers


@settings(max_examples=12)
@given(callers=schedules(), batch=st.integers(1, 5))
@pytest.mark.parametrize(("form", "name"), BOTH)
def test_every_schedule_gives_everyone_what_it_gets_alone(
    repository: Path, form: str, name: str, callers: Any, batch: int
) -> None:
    if (form, name) not in engines:
        folder = VersionFolder(repository / name / "1")
        engines[form, name] = open_engine(folder, form, "cpu", 1)
    engine = engines[form, name]
    alone, together = scheduler_of(engine, 1), scheduler_of(engine, batch)

    async def arrive(x: Float, slots: int, parts: list[Segment], arrival: int) -> Walked:
        for _ in range(arrival):
            await asyncio.sleep(0.0002)
        return await together.walk(Walk(x, slots, parts), Terms(30))

    async def test() -> None:
        shared = await asyncio.gather(*(arrive(*caller) for caller in callers))
        for result, (x, slots, parts, _) in zip(shared, callers, strict=True):
            assert len(result.outputs) == len(x)
            assert equal(result, await alone.walk(Walk(x, slots, parts), Terms(30)))

    try:
        run(test)
    finally:
        together.close()
        alone.close()


def test_callers_of_one_size_share_a_batch(scheduler: Scheduler, fake: FakeEngine) -> None:
    async def test() -> None:
        first = asyncio.create_task(walk(scheduler, draw(4)))
        await fake.held()
        others = [asyncio.create_task(walk(scheduler, draw(4, seed))) for seed in range(1, 4)]
        await submitted()
        fake.release()
        await asyncio.gather(first, *others)

    run(test)
    assert [one.rows for one in fake.runs] == [1, 3]


def test_a_caller_that_leaves_disturbs_nobody_and_frees_its_place(
    scheduler: Scheduler, fake: FakeEngine, engine: Engine
) -> None:
    x = [draw(20, seed) for seed in range(4)]

    async def test() -> None:
        tasks = [asyncio.create_task(walk(scheduler, row)) for row in x]
        await fake.held()
        assert scheduler.queued_steps == 80
        tasks[0].cancel()
        tasks[2].cancel()
        await submitted()
        assert scheduler.queued_steps == 40
        fake.release()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert isinstance(results[2], asyncio.CancelledError)
        for row in (1, 3):
            assert equal(results[row], await walk(scheduler, x[row]))
        assert scheduler.queued_steps == 0

    run(test)


def test_a_full_queue_is_told_at_once_with_a_time_to_come_back(
    scheduler: Scheduler, fake: FakeEngine
) -> None:
    async def test() -> None:
        first = asyncio.create_task(walk(scheduler, draw(60)))
        await fake.held()
        with pytest.raises(QueueFull, match="60 of 100 steps are queued, no room for 41") as full:
            await walk(scheduler, draw(41))
        assert full.value.retry_after is not None
        assert full.value.retry_after >= 1
        fitting = asyncio.create_task(walk(scheduler, draw(40)))
        await submitted()
        fake.release()
        assert [len((await task).outputs) for task in (first, fitting)] == [60, 40]

    run(test)


def test_a_sequence_longer_than_the_queue_runs_when_nobody_else_is_there(
    scheduler: Scheduler, fake: FakeEngine
) -> None:
    async def test() -> None:
        fake.release()
        assert len((await walk(scheduler, draw(150))).outputs) == 150

    run(test)


def test_a_deadline_that_passes_frees_the_place(scheduler: Scheduler, fake: FakeEngine) -> None:
    async def test() -> None:
        with pytest.raises(DeadlineExceeded, match=r"no answer within 0\.05 seconds"):
            await walk(scheduler, draw(100), timeout=0.05)
        assert scheduler.queued_steps == 0
        waiting = asyncio.create_task(walk(scheduler, draw(100)))
        await submitted()
        fake.release()
        assert len((await waiting).outputs) == 100

    run(test)


def test_a_failure_of_the_engine_reaches_only_its_batch(
    scheduler: Scheduler, fake: FakeEngine
) -> None:
    bad = draw(4)
    bad[2, 3] = fake.fail_on = 77.0

    async def test() -> None:
        first = asyncio.create_task(walk(scheduler, draw(8)))
        await fake.held()
        beside = asyncio.create_task(walk(scheduler, bad))
        apart = asyncio.create_task(walk(scheduler, draw(4), slots=5))
        await submitted()
        fake.release()
        results = await asyncio.gather(beside, apart, return_exceptions=True)
        assert isinstance(results[0], RuntimeError)
        assert isinstance(results[1], Walked)
        with pytest.raises(RuntimeError, match="the engine broke"):
            await walk(scheduler, bad)
        await asyncio.gather(first, return_exceptions=True)
        assert len((await walk(scheduler, draw(9))).outputs) == 9
        assert scheduler.queued_steps == 0

    run(test)


def test_an_observer_that_fails_takes_nobodys_result(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def observe(event: Any) -> None:
        raise ValueError("the observer broke")

    scheduler = scheduler_of(engine, 4, 100, observe=observe)

    async def test() -> None:
        assert len((await walk(scheduler, draw(1))).outputs) == 1
        with pytest.raises(QueueFull):
            await asyncio.gather(*(walk(scheduler, draw(60)) for _ in range(2)))

    run(test)
    scheduler.close()
    assert caplog.text.count("an event could not be counted") >= 3


def test_closing_finishes_what_is_there_and_refuses_the_rest(
    scheduler: Scheduler, fake: FakeEngine
) -> None:
    async def test() -> None:
        running = [asyncio.create_task(walk(scheduler, draw(20))) for _ in range(3)]
        await fake.held()
        closing = asyncio.create_task(asyncio.to_thread(scheduler.close))
        while not scheduler.closed:
            await asyncio.sleep(0)
        with pytest.raises(Draining):
            await walk(scheduler, draw(1))
        assert not closing.done()
        fake.release()
        assert [len((await task).outputs) for task in running] == [20, 20, 20]
        await closing

    run(test)


def test_a_short_sequence_does_not_wait_for_a_long_one(engine: Engine) -> None:
    fake = FakeEngine(engine, everything)
    scheduler = scheduler_of(fake)

    async def test() -> None:
        long = asyncio.create_task(walk(scheduler, draw(20_000), timeout=60))
        await fake.next()
        short = asyncio.create_task(walk(scheduler, draw(3), slots=5))
        await fake.until(short)
        assert len(short.result().outputs) == 3
        assert not long.done()
        long.cancel()
        fake.release()

    run(test)
    scheduler.close()


def test_a_result_that_cannot_be_put_together_is_an_error_of_its_own(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = scheduler_of(engine, 4, 100)

    def finish(sequence: Sequence) -> Walked:
        raise MemoryError("no room")

    async def test() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Sequence, "finish", finish)
            with pytest.raises(MemoryError, match="no room"):
                await walk(scheduler, draw(3))
        assert len((await walk(scheduler, draw(3))).outputs) == 3

    run(test)
    scheduler.close()
