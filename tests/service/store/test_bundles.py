"""Traces that are kept together are found, listed and deleted as if each were alone."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import ids
from service.errors import UnknownTrace
from service.records.trace import Trace
from service.store import TraceStore
from service.store.arrays import pack, pack_json
from service.store.bundles import bundle, unbundle
from service.store.records import Row, record_of
from tests.service.bodies import same
from tests.service.store.test_store import Clock, named, open_file

EARLIER = """
CREATE TABLE traces_by_time (
    trace_id TEXT NOT NULL PRIMARY KEY, model TEXT NOT NULL, version INTEGER NOT NULL,
    model_digest TEXT NOT NULL, engine TEXT NOT NULL, created_at REAL NOT NULL,
    memory_slots INTEGER NOT NULL, steps INTEGER NOT NULL, inputs BLOB NOT NULL, target BLOB,
    outputs_digest TEXT NOT NULL, bytes INTEGER NOT NULL, owner TEXT NOT NULL DEFAULT '',
    interventions BLOB
) WITHOUT ROWID;
"""
CHANGES = [{"step": 1, "memory": [[0.5]]}]


def trace_of(trace_id: str, seed: int, **facts: Any) -> Trace:
    """A trace of bits or of noise, some with a target, of one to nine steps."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(1 + seed % 9, 6)).astype(np.float32)
    x = (x > 0).astype(np.float32) if seed % 4 else x
    target = x[:, :3] if seed % 3 == 0 else None
    told = {"model": "copy", "engine": "onnx", "created_at": 1000.0, "memory_slots": 16 + seed % 2}
    return Trace(
        trace_id=trace_id,
        version=1,
        model_digest="d",
        inputs=x,
        target=target,
        outputs_digest=f"{seed:064x}",
        **{**told, **facts},
    )


def equal(one: Trace, other: Trace) -> bool:
    """Bit for bit."""
    arrays = ((one.inputs, other.inputs), (one.target, other.target))
    rest = (t._replace(inputs=np.empty(0), target=None, interventions=()) for t in (one, other))
    first, second = map(tuple, rest)
    return (
        first[:7] + first[8:] == second[:7] + second[8:]
        and list(one.interventions) == list(other.interventions)
        and all((a is b is None) or (a is not None and same(a, b)) for a, b in arrays)
    )


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=40))
def test_what_was_put_together_comes_apart_exactly(seeds: list[int]) -> None:
    traces = [trace_of(named(number), seed) for number, seed in enumerate(seeds)]
    kept = bundle(traces, "her")
    assert (kept.owner, kept.number) == ("her", len(traces))
    assert all(equal(*pair) for pair in zip(unbundle(kept), traces, strict=True))


async def everything(store: TraceStore, limit: int, model: str | None = None) -> list[str]:
    """All traces, a page after the other."""
    told: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = await store.page(model, limit, cursor)
        assert len(page) <= limit
        told += [row["trace_id"] for row in page]
        if cursor is None:
            return told
        assert cursor == told[-1]


@pytest.mark.parametrize("seed", range(6))
def test_a_store_of_bundles_is_a_store_of_traces(tmp_path: Path, seed: int) -> None:
    """Two processes put and delete at random, and answer as a dict does."""
    random = np.random.default_rng(seed)
    who = {"now": ""}
    files = [open_file(tmp_path / "t.sqlite", Clock(), lambda: who["now"]) for _ in range(2)]
    known: dict[str, dict[str, Trace]] = {"": {}, "her": {}}

    def put_some(store: TraceStore) -> list[Trace]:
        model = ("copy", "sort")[random.integers(2)]
        names = ids.together(int(random.integers(1, 9)))
        traces = [trace_of(name, int(random.integers(10_000)), model=model) for name in names]
        assert store.put_at_once(traces, who["now"])
        return traces

    async def main() -> None:
        for _ in range(40):
            _, store = files[random.integers(2)]
            who["now"] = ("", "her")[random.integers(2)]
            mine = known[who["now"]]
            match random.integers(6):
                case 0 if mine:
                    gone = str(random.choice(sorted(mine)))
                    await store.delete(gone)
                    del mine[gone]
                    with pytest.raises(UnknownTrace):
                        await store.delete(gone)
                    with pytest.raises(UnknownTrace):
                        await store.get(gone)
                case 1:
                    one = trace_of(ids.ordered(), 1)._replace(interventions=CHANGES)
                    await store.put(one)
                    mine[one.trace_id] = one
                case 2:
                    limit = int(random.integers(1, 12))
                    assert await everything(store, limit) == sorted(mine, reverse=True)
                    copies = [i for i, one in mine.items() if one.model == "copy"]
                    assert await everything(store, limit, "copy") == sorted(copies, reverse=True)
                case _:
                    mine |= {one.trace_id: one for one in put_some(store)}
        for whose, mine in known.items():
            who["now"] = whose
            for store in (files[0][1], files[1][1]):
                for trace_id, one in mine.items():
                    assert equal(await store.get(trace_id), one)
            others = known["her" if not whose else ""]
            for trace_id in [*others][:3]:
                with pytest.raises(UnknownTrace):
                    await store.get(trace_id)
        assert (await files[0][1].usage())[0] == sum(map(len, known.values()))

    asyncio.run(main())
    for database, _ in files:
        database.close()


def earlier(trace: Trace, owner: str) -> Row:
    """A trace as a row of the layout before bundles."""
    changes = pack_json(list(trace.interventions)) if trace.interventions else None
    target = None if trace.target is None else pack(trace.target)
    facts: Sequence[Any] = trace[:7]
    blobs = (trace.steps, pack(trace.inputs), target, trace.outputs_digest)
    return (*facts, *blobs, 600, owner, changes)


def test_traces_of_the_layout_before_are_taken_over(tmp_path: Path) -> None:
    traces = [trace_of(ids.ordered(), seed) for seed in range(8)]
    traces[5] = traces[5]._replace(interventions=CHANGES)
    with sqlite3.connect(tmp_path / "t.sqlite") as connection:
        connection.executescript(EARLIER)
        marks = ", ".join("?" * 14)
        connection.executemany(
            f"INSERT INTO traces_by_time VALUES ({marks})", [earlier(t, "") for t in traces[:4]]
        )
    connection.close()
    waiting = record_of(tuple(earlier(t, "") for t in traces[4:]))
    (tmp_path / "t.sqlite.incoming").write_bytes(waiting)

    async def main(store: TraceStore) -> None:
        assert await everything(store, 3) == [one.trace_id for one in reversed(traces)]
        for one in traces:
            assert equal(await store.get(one.trace_id), one)
        assert await store.usage() == (8, 8 * 600)

    for _ in range(2):
        database, store = open_file(tmp_path / "t.sqlite", Clock())
        asyncio.run(main(store))
        database.close()


def test_what_was_deleted_stays_away_when_its_bundle_is_moved_in_again(tmp_path: Path) -> None:
    """As when a process is killed after it has moved rows in and before it removes their file."""
    database, store = open_file(tmp_path / "t.sqlite", Clock())
    traces = [trace_of(name, seed) for seed, name in enumerate(ids.together(3))]

    async def main() -> None:
        assert store.put_at_once(traces, "")
        await store.delete(traces[0].trace_id)
        assert store.put_at_once(traces, "")
        left = sorted((one.trace_id for one in traces[1:]), reverse=True)
        assert await everything(store, 5) == left
        assert (await store.usage())[0] == 2

    asyncio.run(main())
    database.close()
