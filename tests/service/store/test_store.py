"""Traces in a real SQLite file and a real Redis: bounded, paged, and there after a restart."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service import ids as service_ids
from service.errors import ServiceError, UnknownTrace
from service.records.trace import Trace
from service.settings import Settings
from service.store import Database, Traces, TraceStore, open_store
from service.store.arrays import pack, unpack
from service.store.incoming import Incoming
from tests.service.bodies import same


class Clock:
    """A time that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Keeps traces for 100 seconds and 100 kB, in a file or in Redis."""
    bounds: dict[str, Any] = {"trace_ttl": 100, "trace_bytes": 100_000}
    if request.param == "sqlite":
        return Settings(store=str(tmp_path / "folder" / "traces.sqlite"), **bounds)
    return Settings(store=request.getfixturevalue("redis").url, **bounds)


@pytest.fixture
def store(place: Settings, clock: Clock) -> Iterator[Traces]:
    """The store there."""
    opened = open_store(place, clock)
    yield opened.traces
    asyncio.run(opened.close())


def open_file(
    path: Path, clock: Clock, owner: Callable[[], str] = str
) -> tuple[Database, TraceStore]:
    """A file that keeps traces for 100 seconds and 100 kB."""
    database, incoming = Database(path), Incoming(Path(f"{path}.incoming"))
    return database, TraceStore(database, incoming, 100, 100_000, clock, owner)


def named(number: int) -> str:
    """An id in the order of numbers, as those of a service are in the order of time."""
    return f"{number:036x}"


def trace(number: int, now: float = 1000.0, steps: int = 3, model: str = "copy") -> Trace:
    """A trace of noise, which does not shrink."""
    inputs = np.random.default_rng(number).normal(size=(steps, 6)).astype(np.float32)
    return Trace(
        trace_id=named(number),
        model=model,
        version=1,
        model_digest="d",
        engine="onnx",
        created_at=now,
        memory_slots=16,
        inputs=inputs,
        target=np.where(inputs[:, :4] > 0, inputs[:, :4], np.nan) if number % 2 else None,
        outputs_digest="o",
    )


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test's coroutine."""
    asyncio.run(test())


async def ids(store: Traces, model: str | None = None) -> list[object]:
    """All traces, newest first."""
    page, following = await store.page(model, 1000, None)
    assert following is None
    return [row["trace_id"] for row in page]


def test_a_trace_comes_back_bit_for_bit(store: Traces) -> None:
    async def test() -> None:
        for number in (1, 2):
            kept = trace(number)
            await store.put(kept)
            given = await store.get(kept.trace_id)
            assert same(given.inputs, kept.inputs)
            if kept.target is None:
                assert given.target is None
            else:
                assert same(given.target, kept.target)
            assert (given.model, given.version, given.steps) == ("copy", 1, 3)
            assert (given.model_digest, given.outputs_digest) == ("d", "o")

    run(test)


def test_a_trace_is_gone_when_its_time_is_over(store: Traces, clock: Clock) -> None:
    async def test() -> None:
        await store.put(trace(1))
        clock.now += 60
        await store.put(trace(2, clock.now))
        clock.now += 39
        assert await ids(store) == [named(2), named(1)]
        clock.now += 1
        assert await ids(store) == [named(2)]
        with pytest.raises(UnknownTrace, match=f"no trace '{named(1)}', or no longer"):
            await store.get(named(1))
        assert (await store.get(named(2))).steps == 3

    run(test)


def test_bytes_are_bounded_and_the_oldest_go_first(store: Traces) -> None:
    async def test() -> None:
        for number in range(60):
            await store.put(trace(number, steps=250))
            count, size = await store.usage()
            assert size <= 110_000 + 7_000
        kept = await ids(store)
        assert kept == [named(59 - i) for i in range(len(kept))]
        assert 8 <= count == len(kept) < 20

    run(test)


def test_what_is_too_old_leaves_the_file(store: Traces, clock: Clock) -> None:
    async def test() -> None:
        await store.put(trace(1))
        clock.now += 101
        await store.put(trace(2, clock.now))
        assert (await store.usage())[0] == 1

    run(test)


def test_pages_follow_each_other_without_gaps(store: Traces) -> None:
    async def test() -> None:
        for number in range(7):
            await store.put(trace(number, model="copy" if number % 2 else "wide"))
        first, cursor = await store.page(None, 3, None)
        await store.put(trace(7))
        await store.delete(named(3))
        second, cursor = await store.page(None, 3, cursor)
        third, end = await store.page(None, 3, cursor) if cursor else ([], None)
        given = [row["trace_id"] for row in [*first, *second, *third]]
        assert given == [named(n) for n in (6, 5, 4, 2, 1, 0)]
        assert end is None
        assert await ids(store, "wide") == [named(6), named(4), named(2), named(0)]
        assert await ids(store, "other") == []

    run(test)


@pytest.mark.parametrize("cursor", ["x", "-1", "1.0", "", " 1", "9" * 19])
def test_a_cursor_that_nobody_gave_is_refused(store: Traces, cursor: str) -> None:
    with pytest.raises(ServiceError, match="cursor should be the `next` of an earlier page"):
        run(lambda: store.page(None, 3, cursor))  # type: ignore[arg-type, return-value]


def test_a_deleted_trace_is_gone(store: Traces) -> None:
    async def test() -> None:
        await store.put(trace(1))
        await store.delete(named(1))
        for again in (store.get, store.delete):
            with pytest.raises(UnknownTrace):
                await again(named(1))

    run(test)


def test_traces_are_there_when_the_store_is_opened_again(place: Settings, clock: Clock) -> None:
    first = open_store(place, clock)
    run(lambda: first.traces.put(trace(1)))
    second = open_store(place, clock)  # as after a kill: the first never closed

    async def test() -> None:
        assert same((await second.traces.get(named(1))).inputs, trace(1).inputs)
        assert await ids(second.traces) == [named(1)]

    run(test)
    asyncio.run(second.close())
    asyncio.run(first.close())


def test_each_owner_has_their_own(place: Settings, clock: Clock) -> None:
    who = {"now": "one"}
    opened = open_store(place, clock, lambda: who["now"])

    async def test() -> None:
        await opened.traces.put(trace(1))
        who["now"] = "two"
        await opened.traces.put(trace(2))
        assert await ids(opened.traces) == await ids(opened.traces, "copy") == [named(2)]
        for ask in (opened.traces.get, opened.traces.delete):
            with pytest.raises(UnknownTrace):
                await ask(named(1))
        who["now"] = "one"
        assert (await opened.traces.get(named(1))).steps == 3

    run(test)
    asyncio.run(opened.close())


def test_a_trace_that_is_put_twice_is_there_once(store: Traces) -> None:
    """As when the answer to the first try was lost on its way."""

    async def test() -> None:
        for _ in range(2):
            await store.put(trace(1))
        assert await ids(store) == [named(1)]
        count, size = await store.usage()
        await store.delete(named(1))
        assert (count, await store.usage()) == (1, (0, 0))
        assert size > 512

    run(test)


def test_opening_a_file_sweeps_it(tmp_path: Path, clock: Clock) -> None:
    first, store = open_file(tmp_path / "traces.sqlite", clock)
    run(lambda: store.put(trace(1)))
    first.close()
    clock.now += 101
    second, store = open_file(tmp_path / "traces.sqlite", clock)

    async def test() -> None:
        assert await store.usage() == (0, 0)

    run(test)
    second.close()


def test_traces_of_an_earlier_layout_make_room_and_are_told(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    first = Database(tmp_path / "traces.sqlite")
    first.prepare("CREATE TABLE traces (number INTEGER PRIMARY KEY, trace_id TEXT UNIQUE);")
    first.at_once(lambda c: c.execute("INSERT INTO traces VALUES (1, 'a'), (2, 'b')"))
    first.close()
    for opened in range(2):
        database, store = open_file(tmp_path / "traces.sqlite", clock)
        run(lambda opened=opened, store=store: store.put(trace(opened)))  # type: ignore[misc]
        assert asyncio.run(store.get(named(opened))).steps == 3
        database.close()
    assert caplog.text.count("2 traces of an earlier layout") == 1


def test_a_file_is_opened_by_a_second_process_with_nothing_lost(
    tmp_path: Path, clock: Clock
) -> None:
    (first, one), (second, two) = (open_file(tmp_path / "t.sqlite", clock) for _ in range(2))
    stores = [one, two]
    for number, store in enumerate(stores, 1):
        run(lambda store=store, number=number: store.put(trace(number)))  # type: ignore[misc]

    async def test() -> None:
        for store in stores:
            assert await ids(store) == [named(2), named(1)]

    run(test)
    first.close()
    second.close()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 2), np.float32),
        np.ones((1, 9), np.float32),
        np.eye(5, dtype=np.float32),
        np.float32([[0, -0.0, 1]]),
        np.float32([[np.nan, 1, 0]]),
        np.float32([[0.5, 1, 0]]),
    ],
)
def test_arrays_are_packed_exactly(array: np.ndarray) -> None:
    assert same(unpack(pack(array), len(array)), array)


def test_an_array_of_bits_takes_a_bit_each() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (42, 10)).astype(np.float32)
    assert len(pack(bits)) < 42 * 10 / 8 + 10


def test_ids_are_in_the_order_they_were_given() -> None:
    given = [service_ids.ordered() for _ in range(2000)]
    assert given == sorted(set(given))
    assert len({i[16:] for i in given}) == 2000


def test_ids_that_are_given_together_share_their_time_and_nothing_else() -> None:
    before = service_ids.ordered()
    given = service_ids.together(1000)  # more than are asked of the system at once
    assert len({i[:16] for i in given}) == 1
    assert len({i[16:] for i in given}) == 1000
    assert {len(i) for i in given} == {36}
    assert before < min(given)
    assert max(given) < service_ids.ordered()
