"""Who goes first: whoever is due first, whoever comes and leaves meanwhile."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntm.repository.folders import VersionFolder
from service.engines import open_engine
from service.scheduling.queue import Line, Lines
from service.scheduling.scheduler import Scheduler
from service.scheduling.sequence import Work
from service.scheduling.walk import Segment, Terms, Walk
from tests.service.bodies import draw
from tests.service.scheduling.scheduling import run, walk

DUE = st.integers(0, 5)


def due_at(when: float, slots: int = 16, brief: bool = False) -> Work:
    walk = Walk(draw(1), slots, [Segment("predict", 1)])
    return Work(walk, Terms(1), None, 0.0, when, brief)  # type: ignore[arg-type]


@given(st.lists(st.one_of(DUE, st.just("pop"), st.tuples(st.just("remove"), DUE))))
def test_the_one_due_first_is_in_front(changes: list[Any]) -> None:
    line, there = Line(), list[Work]()
    for change in changes:
        if isinstance(change, int):
            there.append(due_at(change))
            line.add(there[-1])
        elif there and change == "pop":
            first = min(there, key=lambda work: work.due)  # the earliest added of equals
            assert line.due == first.due
            assert line.pop() is first
            there.remove(first)
        elif there and change != "pop":
            gone = there.pop(change[1] % len(there))
            assert gone in line
            line.remove(gone)
            assert gone not in line
        assert len(line) == len(there)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3), st.sampled_from(["pop", "remove"]))))
def test_whether_one_is_long_is_known_of_all_lines(ones: list[tuple[bool, int, str]]) -> None:
    lines, there = Lines(), list[Work]()
    for brief, slots, leaves in ones:
        for _ in range(2):
            there.append(due_at(0.0, slots, brief))
            lines.add(there[-1])
        first, waiting = lines.first()
        assert first in there
        assert waiting == sum(work.group == first.group for work in there)
        if leaves == "pop":
            there.remove(lines.pop(first.group))
        else:
            lines.remove(first)
            there.remove(first)
        assert lines.has_long == any(not work.brief for work in there)


@pytest.mark.parametrize("engine", ["onnx", "torchscript"])
def test_of_equals_who_came_first_is_done_first_and_the_short_overtake(
    repository: Path, engine: str
) -> None:
    opened = open_engine(VersionFolder(repository / "copy" / "1"), engine, "cpu", 1)
    scheduler = Scheduler(opened, 2, 100_000)
    done: list[str] = []

    async def one(name: str, steps: int) -> None:
        await walk(scheduler, draw(steps))
        done.append(name)

    async def main() -> None:
        long = [asyncio.create_task(one(f"long {n}", 3000)) for n in range(6)]
        await asyncio.sleep(0.01)
        await asyncio.gather(*long, one("short", 3))

    run(main)
    scheduler.close()
    assert done[0] == "short"
    pairs = [set(done[i : i + 2]) for i in (1, 3, 5)]
    assert pairs == [{f"long {i}", f"long {i + 1}"} for i in (0, 2, 4)]
