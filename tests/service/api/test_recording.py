"""Wishes are fulfilled for all that end together, before anybody has an answer."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ntm.repository.folders import VersionFolder
from service.api.recording import Recording
from service.contract.checks import Prediction
from service.engines import open_engine
from service.errors import StoreUnavailable
from service.http.keys import owner
from service.records.digests import digest_of
from service.scheduling.delivery import hand_out
from service.scheduling.scheduler import Scheduler
from service.scheduling.sequence import Walked, Work
from service.store import TraceStore
from service.store.bundles import Bundle, entries
from service.store.incoming import INCOMING, Incoming
from tests.service.bodies import draw
from tests.service.scheduling.scheduling import run, segments
from tests.service.store.test_incoming import full_disk
from tests.service.store.test_store import Clock, open_file

MODEL: Any = SimpleNamespace(
    name="copy", version=1, digest="d" * 64, engine=SimpleNamespace(name="onnx")
)


class Wished:
    """What was asked of it, and whether anybody had an answer by then."""

    def __init__(self) -> None:
        self.seen: list[list[Any]] = []

    def fulfil(self, ended: Sequence[tuple[Any, Walked]]) -> None:
        """See `Wish`."""
        self.seen.append([walked for _, walked in ended])


def work_of(wish: Any) -> Work:
    future: asyncio.Future[Walked] = asyncio.get_running_loop().create_future()
    return Work(draw(3), 16, segments(3), future, 0.0, wish=wish)


def walked(number: float = 0) -> Walked:
    return Walked(np.full((3, 8), number, np.float32), {})


def test_all_that_end_together_are_told_at_once_and_first() -> None:
    async def main() -> None:
        class Watching(Wished):
            def fulfil(self, ended: Sequence[tuple[Any, Walked]]) -> None:
                assert not any(work.waiter.done() for work in (one, two, failed))
                super().fulfil(ended)

        wish = Watching()
        one, two, without, failed, gone = map(work_of, (wish, wish, None, wish, wish))
        gone.waiter.cancel()
        error = RuntimeError("the engine broke")
        results = [walked(number) for number in range(4)]
        pairs = zip((one, two, without, gone), results, strict=True)
        hand_out([*pairs, (failed, error)])
        assert wish.seen == [results[:2]]
        assert [await work.waiter for work in (one, two, without)] == results[:3]
        assert failed.waiter.exception() is error

    run(main)


def test_a_wish_that_fails_takes_nobodys_result(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        class Failing(Wished):
            def fulfil(self, ended: Sequence[tuple[Any, Walked]]) -> None:
                raise RuntimeError("no")

        work, result = work_of(Failing()), walked()
        hand_out([(work, result)])
        assert await work.waiter is result

    run(main)
    assert "what should be done with results failed" in caplog.text


@pytest.mark.parametrize("cores", [1, 2])
def test_a_scheduler_fulfils_on_the_event_loop(repository: Path, cores: int) -> None:
    engine = open_engine(VersionFolder(repository / "copy" / "1"), "onnx", "cpu", cores)
    scheduler = Scheduler(engine, 8, 10_000)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        class Here(Wished):
            def fulfil(self, ended: Sequence[tuple[Any, Walked]]) -> None:
                assert asyncio.get_running_loop() is loop
                super().fulfil(ended)

        wish = Here()
        x = draw(5)
        got = [await scheduler.walk(x, 16, segments(5), 30, wish=wish) for _ in range(2)]
        assert wish.seen == [[got[0]], [got[1]]]

    run(main)
    scheduler.close()


def recording(store: TraceStore, sequence: Any) -> Recording:
    return Recording(store, MODEL, Prediction(sequence, None, 16), (), Clock())


def test_a_trace_is_kept_with_its_owner_before_anybody_asks(tmp_path: Path) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())

    async def main() -> None:
        wishes = []
        for whose in ("her", "him", ""):
            token = owner.set(whose)
            wishes.append(recording(store, draw(4)))
            owner.reset(token)
        results = [walked(number) for number in range(3)]
        wishes[0].fulfil(list(zip(wishes, results, strict=True)))
        waiting = sqlite3.connect(":memory:")  # as after a kill
        waiting.executescript(INCOMING)
        rows = Incoming(tmp_path / "t.sqlite.incoming").take(waiting).rows
        kept = {
            entry.trace_id: (kept.owner, entry.outputs_digest)
            for kept in (Bundle(*row) for row in rows)
            for entry in entries(kept.traces)
        }
        told = [await w.trace_id(r) for w, r in zip(wishes, results, strict=True)]
        assert [kept[t] for t in told] == [
            (whose, digest_of(result.outputs))
            for whose, result in zip(("her", "him", ""), results, strict=True)
        ]
        mine = await store.get(told[2])
        assert mine.model == "copy"
        assert (await store.usage())[0] == len(told)  # and none of them twice

    run(main)
    database.close()


def test_what_takes_long_is_kept_by_whoever_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())
    large = np.random.default_rng(0).random((3000, 8), np.float32)

    async def main() -> None:
        wish, result = recording(store, large), walked()
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", lambda *_: pytest.fail("packed on the event loop"))
            wish.fulfil([(wish, result)])
        trace_id = await wish.trace_id(result)
        assert np.array_equal((await store.get(trace_id)).inputs, large)
        assert (await store.usage())[0] == 1

    run(main)
    database.close()


def test_a_full_disk_is_told_to_everybody(tmp_path: Path) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())

    async def main() -> None:
        wishes = [recording(store, draw(4)) for _ in range(3)]
        with full_disk():
            wishes[0].fulfil([(wish, walked()) for wish in wishes])
        for wish in wishes:
            with pytest.raises(StoreUnavailable, match="cannot be written"):
                await wish.trace_id(walked())

    run(main)
    database.close()
