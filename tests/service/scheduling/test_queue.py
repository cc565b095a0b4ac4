"""Earliest deadline first, whoever comes and leaves meanwhile."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntm.repository.folders import VersionFolder
from service.engines import open_engine
from service.scheduling.queue import GroupQueue, ReadyQueue
from service.scheduling.sequence import Sequence
from service.scheduling.walk import Segment, Walk
from tests.service.bodies import draw
from tests.service.scheduling.scheduling import (
    FakeEngine,
    FixedRate,
    everything,
    run,
    scheduler_of,
    sequence_of,
    walk,
)

DEADLINES = st.integers(0, 5)


@given(st.lists(st.one_of(DEADLINES, st.just("pop"), st.tuples(st.just("remove"), DEADLINES))))
def test_the_earliest_deadline_is_first(changes: list[Any]) -> None:
    queue, members = GroupQueue(), list[Sequence]()
    for change in changes:
        if isinstance(change, int):
            members.append(sequence_of(deadline=change))
            queue.add(members[-1])
        elif members and change == "pop":
            first = min(members, key=lambda one: one.deadline)  # the earliest added of equals
            assert queue.deadline == first.deadline
            assert queue.pop() is first
            members.remove(first)
        elif members and change != "pop":
            gone = members.pop(change[1] % len(members))
            assert gone in queue
            queue.remove(gone)
            assert gone not in queue
        assert len(queue) == len(members)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3), st.sampled_from(["pop", "remove"]))))
def test_whether_one_is_heavy_is_known_of_all_groups(ones: list[tuple[bool, int, str]]) -> None:
    queue, members = ReadyQueue(), list[Sequence]()
    for light, slots, leaves in ones:
        for _ in range(2):
            members.append(sequence_of(Walk(draw(1), slots, [Segment("predict", 1)])))
            members[-1].light = light
            queue.add(members[-1])
        first, size = queue.first()
        assert first in members
        assert size == sum(one.group == first.group for one in members)
        if leaves == "pop":
            members.remove(queue.pop(first.group))
        else:
            queue.remove(first)
            members.remove(first)
        assert queue.has_heavy == any(not one.light for one in members)


@pytest.mark.parametrize("engine", ["onnx", "torchscript"])
def test_of_equals_who_came_first_is_done_first_and_the_short_overtake(
    repository: Path, engine: str
) -> None:
    opened = open_engine(VersionFolder(repository / "copy" / "1"), engine, "cpu", 1)
    fake = FakeEngine(opened, everything)
    ticks = itertools.count()  # a clock that nothing holds up
    scheduler = scheduler_of(fake, 2, rate=FixedRate(1e-4), clock=lambda: 1e-6 * next(ticks))
    done: list[str] = []

    async def one(name: str, steps: int) -> None:
        await walk(scheduler, draw(steps))
        done.append(name)

    async def main() -> None:
        long = [asyncio.create_task(one(f"long {n}", 600)) for n in range(6)]
        await fake.held()  # the first two are on their way
        fake.release()
        await asyncio.gather(*long, one("short", 3))

    run(main)
    scheduler.close()
    assert done[0] == "short"
    pairs = [set(done[i : i + 2]) for i in (1, 3, 5)]
    assert pairs == [{f"long {i}", f"long {i + 1}"} for i in (0, 2, 4)]
