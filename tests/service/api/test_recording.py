"""Traces are stored for all that end together, before anybody has an answer."""

import asyncio
import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ntm.repository.folders import VersionFolder
from service.api.recording import Recording, TraceWriter
from service.contract.checks import Prediction
from service.engines import open_engine
from service.errors import StoreUnavailable
from service.http.keys import owner
from service.records.digests import digest_of
from service.scheduling.delivery import hand_out
from service.scheduling.sequence import Sequence
from service.scheduling.walk import BatchEnd, Terms, Walk, Walked
from service.store.bundles import Bundle, entries
from service.store.incoming import INCOMING, Incoming
from tests.service.bodies import draw
from tests.service.scheduling.scheduling import run, scheduler_of, segments
from tests.service.store.test_incoming import full_disk
from tests.service.store.test_store import Clock, open_file

MODEL: Any = SimpleNamespace(
    name="copy", version=1, digest="d" * 64, engine=SimpleNamespace(name="onnx")
)


Batch = list[tuple[Any, Walked]]


def waiting(batch_end: BatchEnd | None = None, tag: str = "") -> Sequence:
    future: asyncio.Future[Walked] = asyncio.get_running_loop().create_future()
    terms = Terms(30, batch_end=batch_end, tag=tag)
    return Sequence(Walk(draw(3), 16, segments(3)), terms, future, 0.0, 0.0)


def walked(number: float = 0) -> Walked:
    return Walked(np.full((3, 8), number, np.float32), {})


def test_the_hook_has_all_that_end_together_before_their_waiters() -> None:
    async def main() -> None:
        batches: list[Batch] = []

        def batch_end(ended: Batch) -> None:
            assert not any(sequence.waiter.done() for sequence in (one, two, failed))
            batches.append(ended)

        one, two, failed, gone = (waiting(batch_end, tag) for tag in "12fg")
        without = waiting()
        gone.waiter.cancel()  # type: ignore[attr-defined]
        error = RuntimeError("the engine broke")
        results = [walked(number) for number in range(4)]
        pairs = zip((one, two, without, gone), results, strict=True)
        hand_out([*pairs, (failed, error)])
        assert batches == [[("1", results[0]), ("2", results[1])]]
        assert [await sequence.waiter for sequence in (one, two, without)] == results[:3]  # type: ignore
        assert failed.waiter.exception() is error  # type: ignore[attr-defined]

    run(main)


def test_a_hook_that_fails_takes_nobodys_result(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        def failing(ended: Batch) -> None:
            raise RuntimeError("no")

        batches: list[Batch] = []
        hit, other = waiting(failing), waiting(batches.append, "other")
        result = walked()
        hand_out([(hit, result), (other, result)])
        assert await hit.waiter is result  # type: ignore[misc]
        assert batches == [[("other", result)]]

    run(main)
    assert "the hook for a batch that ended failed" in caplog.text


@pytest.mark.parametrize("cores", [1, 2])
def test_a_scheduler_calls_the_hook_on_the_event_loop(repository: Path, cores: int) -> None:
    engine = open_engine(VersionFolder(repository / "copy" / "1"), "onnx", "cpu", cores)
    scheduler = scheduler_of(engine, 8)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        batches: list[Batch] = []

        def batch_end(ended: Batch) -> None:
            assert asyncio.get_running_loop() is loop
            batches.append(ended)

        walk = Walk(draw(5), 16, segments(5))
        results = [
            await scheduler.walk(walk, Terms(30, batch_end=batch_end, tag=n)) for n in range(2)
        ]
        assert batches == [[(0, results[0])], [(1, results[1])]]

    run(main)
    scheduler.close()


def recording(writer: TraceWriter, sequence: Any) -> Recording:
    return Recording(writer, MODEL, Prediction(sequence, None, 16), ())


def test_a_trace_is_kept_with_its_owner_before_anybody_asks(tmp_path: Path) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())

    async def main() -> None:
        writer, recordings = TraceWriter(store, Clock()), []
        for whose in ("her", "him", ""):
            token = owner.set(whose)
            recordings.append(recording(writer, draw(4)))
            owner.reset(token)
        results = [walked(number) for number in range(3)]
        writer.store_batch(list(zip(recordings, results, strict=True)))
        waiting = sqlite3.connect(":memory:")  # as after a kill
        waiting.executescript(INCOMING)
        rows = Incoming(tmp_path / "t.sqlite.incoming").take(waiting).rows
        kept = {
            entry.trace_id: (kept.owner, entry.outputs_digest)
            for kept in (Bundle(*row) for row in rows)
            for entry in entries(kept.traces)
        }
        told = [await w.trace_id(r) for w, r in zip(recordings, results, strict=True)]
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
        writer, result = TraceWriter(store, Clock()), walked()
        large_one = recording(writer, large)
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", lambda *_: pytest.fail("packed on the event loop"))
            writer.store_batch([(large_one, result)])
        trace_id = await large_one.trace_id(result)
        assert np.array_equal((await store.get(trace_id)).inputs, large)
        assert (await store.usage())[0] == 1

    run(main)
    database.close()


def test_a_full_disk_is_told_to_everybody(tmp_path: Path) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())

    async def main() -> None:
        writer = TraceWriter(store, Clock())
        recordings = [recording(writer, draw(4)) for _ in range(3)]
        with full_disk():
            writer.store_batch([(one, walked()) for one in recordings])
        for one in recordings:
            with pytest.raises(StoreUnavailable, match="cannot be written"):
                await one.trace_id(walked())

    run(main)
    database.close()
