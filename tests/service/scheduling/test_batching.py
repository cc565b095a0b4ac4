"""Continuous batching: exact whatever the schedule, fair, and with little waste."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm.signature import State
from service.engines import Engine, Values
from service.memory import Budget
from service.scheduling.chunk import advance, choose_steps, gather
from service.scheduling.cores import Cores
from service.scheduling.events import Chunk, Ended, Event
from service.scheduling.scheduler import Scheduler
from service.scheduling.sequence import Sequence
from service.scheduling.walk import Segment, Terms, Walk, Walked
from tests.service.scheduling.scheduling import (
    FakeEngine,
    everything,
    scheduler_of,
    sequence_of,
    submitted,
)

WEIGHTINGS = ("read_weightings", "write_weightings")
PATIENCE = 120.0


@dataclass
class Counted:
    """A scheduler's events."""

    events: list[Event] = field(default_factory=list)

    @property
    def chunks(self) -> list[Chunk]:
        return [event for event in self.events if isinstance(event, Chunk)]

    @property
    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.events if isinstance(event, Ended)]


def inputs_of(engine: Engine, steps: int, seed: int = 0) -> np.ndarray:
    size = (steps, engine.signature.input_size)
    return np.random.default_rng([seed, steps]).normal(size=size).astype(np.float32)


def alone(engine: Engine, x: np.ndarray, slots: int) -> tuple[Values, State]:
    """One step at a time, nobody else there."""
    state, parts = engine.initial_state(slots), []
    for step in range(len(x)):
        values, state = engine.run("predict", x[step : step + 1, None], state)
        parts.append(values)
    return {n: np.concatenate([part[n] for part in parts])[:, 0] for n in parts[0]}, state


def assert_same(walked: Walked, engine: Engine, x: np.ndarray, slots: int) -> None:
    expected, state = alone(engine, x, slots)
    assert walked.outputs.tobytes() == expected["outputs"].tobytes()
    for name, value in walked.values.items():
        assert value.tobytes() == expected[name].tobytes(), name
    for name, value in (walked.state or {}).items():
        assert value.tobytes() == state[name].tobytes(), name


def run(
    engine: Engine, work: Callable[[Scheduler], Awaitable[None]], max_batch: int = 32, **limits: Any
) -> Counted:
    """Work with a scheduler of one's own, which holds nothing in the end."""
    counted = Counted()

    async def main() -> None:
        scheduler = scheduler_of(engine, max_batch, observe=counted.events.append, **limits)
        try:
            await asyncio.wait_for(work(scheduler), PATIENCE)
            assert scheduler.queued_steps == 0
        finally:
            await asyncio.to_thread(scheduler.close)

    asyncio.run(main())
    return counted


@dataclass(frozen=True)
class Call:
    """One request of a random schedule."""

    seed: int
    steps: int
    slots: int
    arrives: float  # milliseconds
    leaves: float | None
    keep: tuple[str, ...]
    keep_state: bool
    first: int  # where a second segment begins


CALLS = st.builds(
    Call,
    seed=st.integers(0, 3),
    steps=st.one_of(st.integers(1, 9), st.integers(1, 90)),
    slots=st.sampled_from([16, 16, 16, 5]),
    arrives=st.floats(0, 3),
    leaves=st.one_of(st.none(), st.none(), st.floats(0, 3)),
    keep=st.sampled_from([(), WEIGHTINGS]),
    keep_state=st.booleans(),
    first=st.integers(0, 20),
)


@settings(max_examples=300)
@given(calls=st.lists(CALLS, min_size=1, max_size=10), max_batch=st.sampled_from([1, 3, 32]))
def test_each_gets_what_it_gets_alone(engine: Engine, calls: list[Call], max_batch: int) -> None:
    async def one(scheduler: Scheduler, call: Call) -> None:
        await asyncio.sleep(call.arrives / 1000)
        x = inputs_of(engine, call.steps, call.seed)
        segments = [Segment("predict", call.steps, call.keep)]
        if call.first < call.steps and call.first:
            segments.insert(0, Segment("predict", call.first, call.keep))
        walk = scheduler.walk(
            Walk(x, call.slots, segments, keep_state=call.keep_state), Terms(PATIENCE)
        )
        task = asyncio.create_task(walk)
        if call.leaves is not None:
            await asyncio.sleep(call.leaves / 1000)
            task.cancel()
        try:
            walked = await task
        except asyncio.CancelledError:
            assert call.leaves is not None
            return
        assert (walked.state is not None) == call.keep_state
        assert_same(walked, engine, x, call.slots)

    async def work(scheduler: Scheduler) -> None:
        await asyncio.gather(*(one(scheduler, call) for call in calls))

    counted = run(engine, work, max_batch)
    assert len(counted.outcomes) == len(calls)
    assert all(chunk.rows <= max_batch for chunk in counted.chunks)
    useful = sum(chunk.useful for chunk in counted.chunks)
    computed = sum(chunk.computed for chunk in counted.chunks)
    assert computed - useful <= 0.1 * computed
    if all(call.leaves is None for call in calls):
        assert useful == sum(call.steps for call in calls)


def test_pieces_with_state_give_what_one_walk_gives(engine: Engine) -> None:
    x = inputs_of(engine, 50)

    async def work(scheduler: Scheduler) -> None:
        state, outputs, position = None, [], 0
        for stop in (1, 7, 28, 29, 50):
            piece = x[position:stop]
            walked = await scheduler.walk(
                Walk(piece, 16, [Segment("predict", len(piece))], state, keep_state=True),
                Terms(PATIENCE),
            )
            state, position = walked.state, stop
            outputs.append(walked.outputs)
        expected, last = alone(engine, x, 16)
        assert np.concatenate(outputs).tobytes() == expected["outputs"].tobytes()
        assert state is not None
        assert all(state[name].tobytes() == last[name].tobytes() for name in last)

    run(engine, work)


def walking(
    scheduler: Scheduler, engine: Engine, steps: int, slots: int = 16, timeout: float = PATIENCE
) -> "asyncio.Task[Walked]":
    x = inputs_of(engine, steps)
    return asyncio.create_task(
        scheduler.walk(Walk(x, slots, [Segment("predict", steps)]), Terms(timeout))
    )


def gated(engine: Engine, work: Any, max_batch: int = 32) -> Counted:
    """Like `run`, with an engine that the test drives chunk by chunk."""
    counted = Counted()

    async def main() -> None:
        fake = FakeEngine(engine, everything)
        scheduler = scheduler_of(fake, max_batch, observe=counted.events.append)
        await asyncio.wait_for(work(scheduler, fake), PATIENCE)
        closing = asyncio.create_task(asyncio.to_thread(scheduler.close))
        await fake.until(closing)

    asyncio.run(main())
    return counted


@pytest.mark.parametrize(("long_slots", "most"), [([16] * 8, 3), ([5, 6, 7, 8, 9, 10, 11, 12], 10)])
def test_a_short_one_waits_for_no_long_one(
    engine: Engine, long_slots: list[int], most: int
) -> None:
    async def work(scheduler: Scheduler, fake: FakeEngine) -> None:
        long = [walking(scheduler, engine, 2000, slots) for slots in long_slots]
        await submitted()
        for _ in range(20):
            await fake.next()
        short = walking(scheduler, engine, 4)
        await submitted()
        assert await fake.until(short) <= most
        for task in long:
            task.cancel()
        await asyncio.gather(*long, return_exceptions=True)
        assert scheduler.queued_steps == 0

    gated(engine, work)


def test_more_than_fit_in_a_batch_take_turns(engine: Engine) -> None:
    async def work(scheduler: Scheduler, fake: FakeEngine) -> None:
        long = [walking(scheduler, engine, 2000) for _ in range(5)]
        await submitted()
        for _ in range(5):
            await fake.next()
        short = walking(scheduler, engine, 1)
        await submitted()
        assert await fake.until(short) <= 5
        for task in long:
            task.cancel()
        await asyncio.gather(*long, return_exceptions=True)

    gated(engine, work, max_batch=2)


def test_one_of_three_leaves_and_the_others_go_on(engine: Engine) -> None:
    async def work(scheduler: Scheduler, fake: FakeEngine) -> None:
        tasks = [walking(scheduler, engine, steps) for steps in (40, 42, 44)]
        await submitted()
        await fake.next()
        running = await fake.held()
        tasks[1].cancel()
        await submitted()
        assert scheduler.queued_steps <= 40 + 44
        running.go.set()
        rows = [running.rows, (await fake.next()).rows]
        assert rows == [3, 2]  # it leaves within the chunk that was running
        await fake.until(asyncio.gather(tasks[0], tasks[2]))  # type: ignore[arg-type]
        for task, steps in ((tasks[0], 40), (tasks[2], 44)):
            assert_same(task.result(), engine, inputs_of(engine, steps), 16)

    assert sorted(gated(engine, work).outcomes) == ["cancelled", "ok", "ok"]


def sequences(
    engine: Engine,
    *left: tuple[int, int],
    keep_state: bool = False,
    keep: tuple[str, ...] = (),
) -> list[Sequence]:
    """Rows with so many steps left of so many."""
    made = []
    for remaining, steps in left:
        x, parts = inputs_of(engine, steps), [Segment("predict", steps, keep)]
        made.append(sequence_of(Walk(x, 16, parts, keep_state=keep_state, start=steps - remaining)))
    return made


FAST, SLOW = 1e-6, 2e-4


@pytest.mark.parametrize(
    ("left", "pace", "steps"),
    [
        ([(2000, 2000)], FAST, 16),
        ([(2000, 2000)], 5 * SLOW, 4),  # 16 would keep a newcomer waiting for 16 ms
        ([(42, 42)] * 32, FAST, 16),
        ([(10, 42)] * 32, FAST, 4),
        ([(2, 42)] * 32, FAST, 4),  # two steps wasted of 42
        ([(2, 20)] * 32, FAST, 1),
        ([(1, 4), *[(100, 100)] * 31], FAST, 16),  # one ends: 15 of 512 steps are wasted
        ([(1, 4), *[(100, 100)] * 3], FAST, 1),
        ([(3, 4)], FAST, 1),
    ],
)
def test_chunks_are_long_where_little_is_wasted(
    engine: Engine, left: list[tuple[int, int]], pace: float, steps: int
) -> None:
    assert choose_steps(engine, sequences(engine, *left), pace) == steps


def test_a_sequence_that_keeps_its_state_never_goes_beyond_its_end(engine: Engine) -> None:
    rows = sequences(engine, (2, 42), keep_state=True) + sequences(engine, *[(100, 100)] * 31)
    assert choose_steps(engine, rows, FAST) == 1


def test_rows_that_stay_together_keep_their_stack(engine: Engine) -> None:
    rows = sequences(engine, (42, 42), (42, 42), (42, 42))
    advance(engine, rows, 4)
    assert gather(engine, rows) is rows[0].rows
    left = gather(engine, rows[1:])
    assert rows[0].rows is not None
    assert all(left[n].tobytes() == v[1:].tobytes() for n, v in rows[0].rows.items())
    joined = gather(engine, [*rows, *sequences(engine, (5, 5))])
    assert joined["memory"].shape[0] == 4


def test_a_row_holds_no_memory_of_its_neighbours(engine: Engine) -> None:
    rows = sequences(engine, *[(42, 42)] * 4, keep=WEIGHTINGS)
    advance(engine, rows, 4)
    for value in [*rows[0].outputs, *rows[0].values["read_weightings"]]:
        assert value.base is None


def test_states_of_those_that_have_begun_are_bounded(
    engine: Engine,
) -> None:
    row = sum(value.nbytes for value in engine.initial_state(16).values())

    async def work(scheduler: Scheduler) -> None:
        tasks = [walking(scheduler, engine, 20) for _ in range(10)]
        for task in tasks:
            assert_same(await task, engine, inputs_of(engine, 20), 16)

    assert max(chunk.rows for chunk in run(engine, work, budget=Budget(3 * row)).chunks) == 3


def test_cores_are_first_come_first_served() -> None:
    cores, order = Cores(1), []

    def compute(number: int) -> None:
        with cores:
            order.append(number)

    threads = [threading.Thread(target=compute, args=[number]) for number in range(5)]
    with cores:
        for number, thread in enumerate(threads):
            thread.start()
            while cores.waiting <= number:
                pass
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
