"""What is short is walked on the event loop, with the bits that a thread gives."""

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
from service.scheduling.sequence import Work
from service.scheduling.walk import Segment, Terms, Walk
from tests.service.bodies import draw
from tests.service.scheduling.scheduling import Gate, equal, run, segments, walk


@pytest.fixture(scope="module")
def engine(repository: Path) -> Engine:
    """A real engine."""
    return open_engine(VersionFolder(repository / "copy" / "1"), "onnx", "cpu", 1)


class Watched:
    """An engine whose rows cost the same alone, and who computed on it."""

    batches = False

    def __init__(self, engine: Engine) -> None:
        self.engine, self.threads = engine, set[threading.Thread]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def run(self, *asked: Any) -> tuple[Values, State]:
        """One chunk."""
        self.threads.add(threading.current_thread())
        return self.engine.run(*asked)


@pytest.mark.parametrize(
    ("cores", "alone", "steps", "here"),
    [
        (2, True, 3, True),  # to wake a thread would take longer
        (2, True, 2000, False),  # nobody should wait for so long
        (2, False, 3, False),  # the event loop has others to serve, and there is another core
        (1, False, 3, True),
    ],
)
def test_what_is_short_is_walked_on_the_event_loop(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, cores: int, alone: bool, steps: int, here: bool
) -> None:
    monkeypatch.setattr("service.scheduling.scheduler.SHORT", 0.5)  # on the slowest machine
    monkeypatch.setattr("service.scheduling.scheduler.TURN", 0.5)
    watched = Watched(engine)
    scheduler = Scheduler(watched, 4, 10_000, cores=Cores(cores))
    x = draw(steps)

    async def main() -> None:
        for _ in range(2):  # until the pace is known nobody keeps the event loop
            watched.threads.clear()
            given = await scheduler.walk(Walk(x, 16, segments(steps)), Terms(60, alone=alone))
            expected = await walk(Scheduler(engine, 4, 10_000), x)
            assert equal(given, expected)
            while scheduler._lanes.idle < cores:
                await asyncio.sleep(0.001)
        scheduler._pace._seconds = dict.fromkeys(scheduler._pace._seconds, 0.001)
        watched.threads.clear()
        await scheduler.walk(Walk(x, 16, segments(steps)), Terms(60, alone=alone))

    run(main)
    scheduler.close()
    assert (watched.threads == {threading.main_thread()}) == here


def test_those_who_begin_alike_may_go_on_differently_on_the_event_loop(engine: Engine) -> None:
    watched = Watched(engine)
    scheduler, other = Scheduler(watched, 4, 10_000), Scheduler(engine, 4, 10_000)
    x = draw(9)
    plain = [Segment("predict", 2), Segment("predict", 9, frozenset(("read_weightings",)))]
    inside = [Segment("predict", 2), Segment("inspect", 9, frozenset(("content_weighting",)))]

    async def main() -> None:
        for parts in (plain, inside):  # until the pace of both is known
            await scheduler.walk(Walk(x, 16, parts), Terms(60))
        while scheduler._lanes.idle < 1:
            await asyncio.sleep(0.001)
        scheduler._pace._seconds = dict.fromkeys(scheduler._pace._seconds, 1e-6)
        watched.threads.clear()
        for order in ([plain, inside], [inside, plain]):
            given = await asyncio.gather(
                *(scheduler.walk(Walk(x, 16, parts), Terms(60)) for parts in order)
            )
            for parts, walked in zip(order, given, strict=True):
                assert equal(walked, await other.walk(Walk(x, 16, parts), Terms(60)))
        assert watched.threads == {threading.main_thread()}

    run(main)
    scheduler.close()
    other.close()


class Held(Watched):
    """One that keeps threads, but not the event loop, until the test lets them go."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.open, self.entered = threading.Event(), threading.Event()
        self.open.set()

    def run(self, *asked: Any) -> tuple[Values, State]:
        """One chunk."""
        if threading.current_thread() is not threading.main_thread():
            self.entered.set()
            assert self.open.wait(30)
        return super().run(*asked)


def test_what_is_very_short_waits_for_nobody(engine: Engine) -> None:
    held = Held(engine)
    scheduler = Scheduler(held, 4, 10_000)

    async def main() -> None:
        expected = await walk(scheduler, draw(3))
        held.open.clear()
        held.entered.clear()
        long = asyncio.create_task(walk(scheduler, draw(500)))
        await asyncio.to_thread(held.entered.wait, 30)
        scheduler._pace._seconds = dict.fromkeys(scheduler._pace._seconds, 1e-6)
        assert equal(await walk(scheduler, draw(3)), expected)
        assert not long.done()
        held.open.set()
        assert (await long).outputs.shape == (500, 4)
        assert scheduler.queued_steps == 0

    run(main)
    scheduler.close()


def test_what_halts_at_every_step_is_not_walked_on_the_event_loop() -> None:
    parts = [Segment("predict", 2), Segment("inspect", 3, frozenset(("memory",)))]
    assert not Work(Walk(draw(3), 16, parts[:1]), Terms(1), None, 0.0).halts  # type: ignore[arg-type]
    assert Work(Walk(draw(3), 16, parts), Terms(1), None, 0.0).halts  # type: ignore[arg-type]


def test_those_walked_on_the_event_loop_fail_alone(engine: Engine) -> None:
    gate = Gate(engine)
    gate.open.set()
    watched = Watched(gate)  # type: ignore[arg-type]
    scheduler = Scheduler(watched, 4, 10_000)

    async def main() -> None:
        await walk(scheduler, draw(3))
        while scheduler._lanes.idle < 1:
            await asyncio.sleep(0.001)
        scheduler._pace._seconds = dict.fromkeys(scheduler._pace._seconds, 1e-6)
        gate.fail_on = 7.0
        with pytest.raises(RuntimeError, match="the engine broke"):
            await walk(scheduler, np.full((3, 6), 7, np.float32))
        assert (await walk(scheduler, draw(3))).outputs.shape == (3, 4)
        assert scheduler.queued_steps == 0

    run(main)
    scheduler.close()
    assert threading.main_thread() in watched.threads


def test_what_one_turn_has_no_time_for_is_left_to_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(engine)
    scheduler, other = Scheduler(watched, 4, 10_000), Scheduler(engine, 4, 10_000)
    sequences = [draw(3, seed) for seed in range(5)]

    async def main() -> None:
        await walk(scheduler, sequences[0])
        while scheduler._lanes.idle < 1:
            await asyncio.sleep(0.001)
        monkeypatch.setattr("service.scheduling.scheduler.SHORT", 3.0)
        monkeypatch.setattr("service.scheduling.scheduler.TURN", 7.0)
        # each takes 3 s: two a turn
        scheduler._pace._seconds = dict.fromkeys(scheduler._pace._seconds, 1.0)
        watched.threads.clear()
        chosen: list[int] = []
        choose = scheduler._choose_soon_done

        def choose_and_tell() -> Any:
            here, later = choose()
            chosen.append(len(here))
            scheduler._pace._seconds = dict.fromkeys(scheduler._pace._seconds, 1.0)
            return here, later

        monkeypatch.setattr(scheduler, "_choose_soon_done", choose_and_tell)
        together = [walk(scheduler, x) for x in sequences]
        for x, given in zip(sequences, await asyncio.gather(*together), strict=True):
            assert equal(given, await walk(other, x))
        assert watched.threads == {threading.main_thread()}
        assert sum(chosen) == 5
        assert len(chosen) >= 2

    run(main)
    scheduler.close()
    other.close()
