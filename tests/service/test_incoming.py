"""Traces on their way into the table: none is lost or doubled, whoever is killed when."""

import asyncio
import marshal
import multiprocessing
import os
import sqlite3
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from service.errors import StoreUnavailable
from service.store import Database, TraceStore
from service.store.incoming import FORMAT, Incoming
from tests.service.test_store import Clock, ids, named, open_file, trace

ROWS = 400  # of each process


def row(number: int) -> tuple[object, ...]:
    return (named(number), number, 0.5, None, b"\x00\xff" * (number % 50))


def test_rows_come_back_as_they_were_once_they_are_removed_no_more(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path / "i")
    assert incoming.is_empty()
    for number in range(3):
        incoming.append(row(number))
    again = Incoming(tmp_path / "i")  # as after a kill
    assert not again.is_empty()
    for _ in range(2):  # who takes them may be killed before they are moved in
        rows, paths = again.take()
        assert rows == [row(number) for number in range(3)]
    incoming.append(row(3))
    rows, more = again.take()
    assert sorted(rows) == [row(number) for number in range(4)]
    for path in {*paths, *more}:
        path.unlink()
    assert incoming.is_empty()
    assert again.take() == ([], [])


def test_what_was_cut_short_is_told_and_what_lies_before_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    incoming = Incoming(tmp_path / "i")
    for number in range(3):
        incoming.append(row(number))
    whole = (tmp_path / "i").read_bytes()
    (tmp_path / "i").write_bytes(whole[:-2])
    assert incoming.take()[0] == [row(0), row(1)]
    assert "is damaged after" in caplog.text


def test_rows_that_an_earlier_version_appended_are_read(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path / "i")
    for told in (marshal.dumps(row(number), FORMAT) for number in range(2)):  # each a record
        head = len(told).to_bytes(4, "little") + zlib.crc32(told).to_bytes(4, "little")
        with (tmp_path / "i").open("ab") as file:
            file.write(head + told)
    incoming.append(row(2), row(3))
    assert incoming.take()[0] == [row(number) for number in range(4)]


def append_many(path: Path, first: int) -> None:
    incoming = Incoming(path)
    for number in range(first, first + ROWS):
        incoming.append(row(number))


def test_processes_append_while_another_takes(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [
        spawn.Process(target=append_many, args=(tmp_path / "i", first)) for first in (0, ROWS)
    ]
    for writer in writers:
        writer.start()
    incoming, taken, takes = Incoming(tmp_path / "i"), list[object](), 0
    while any(writer.is_alive() for writer in writers) or not incoming.is_empty():
        rows, paths = incoming.take()
        taken += rows
        takes += bool(rows)
        for path in paths:
            path.unlink()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert sorted(taken, key=repr) == sorted(map(row, range(2 * ROWS)), key=repr)
    assert takes > 1


def test_a_thread_appends_while_another_takes(tmp_path: Path) -> None:
    incoming, taken, over = Incoming(tmp_path / "i"), list[object](), threading.Event()

    def take_all() -> None:
        while not over.is_set() or not incoming.is_empty():
            rows, paths = incoming.take()
            taken.extend(rows)
            for path in paths:
                path.unlink()

    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(take_all)
        for number in range(10 * ROWS):
            incoming.append(row(number))
        over.set()
        taking.result()
    assert taken == [row(number) for number in range(10 * ROWS)]


def test_a_trace_is_moved_in_by_itself(tmp_path: Path) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())

    async def main() -> None:
        await store.put(trace(1))
        with sqlite3.connect(tmp_path / "t.sqlite") as other:
            count = "SELECT COUNT(*) FROM bundles"
            assert other.execute(count).fetchone() == (0,)
            for _ in range(500):
                if other.execute(count).fetchone() == (1,):
                    return
                await asyncio.sleep(0.01)
        pytest.fail("nobody moved it in")

    asyncio.run(main())
    database.close()


def test_what_another_process_appended_is_found_listed_and_deleted(tmp_path: Path) -> None:
    one_file, one = open_file(tmp_path / "t.sqlite", Clock())
    two_file, two = open_file(tmp_path / "t.sqlite", Clock())

    async def main() -> None:
        for number in (1, 2, 3):
            await one.put(trace(number))
        assert (await two.get(named(2))).steps == 3
        await one.put(trace(4))
        assert await ids(two) == [named(n) for n in (4, 3, 2, 1)]
        await one.put(trace(5))
        await two.delete(named(5))
        assert await ids(one) == [named(n) for n in (4, 3, 2, 1)]

    asyncio.run(main())
    one_file.close()
    two_file.close()


def open_on_full_disk(path: Path) -> tuple[Database, TraceStore]:
    """As `open_file`, where nothing can be appended."""
    Path(f"{path}.incoming").symlink_to("/dev/full")
    return open_file(path, Clock())


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    database, store = open_on_full_disk(tmp_path / "t.sqlite")

    async def main() -> None:
        puts = [store.put(trace(number)) for number in range(5)]
        told = await asyncio.gather(*puts, return_exceptions=True)
        assert [type(one) for one in told] == [StoreUnavailable] * 5
        assert "cannot be written" in str(told[0])

    asyncio.run(main())
    database.close()


def test_those_of_one_turn_are_appended_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())
    written, write = list[int](), os.write

    def write_and_count(file: int, data: bytes) -> int:
        written.append(write(file, data))
        return written[-1]

    monkeypatch.setattr(os, "write", write_and_count)

    async def main() -> None:
        await asyncio.gather(*[store.put(trace(number)) for number in range(40)])
        assert len(written) == 1
        assert await ids(store) == [named(number) for number in reversed(range(40))]

    asyncio.run(main())
    database.close()


def test_one_that_cannot_be_packed_keeps_nobody_waiting(tmp_path: Path) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())
    broken = trace(1)._replace(inputs=np.array([["a"]]))

    async def main() -> None:
        async with asyncio.timeout(10):
            with pytest.raises(ValueError, match="could not convert"):
                await store.put(broken)
            await store.put(trace(2))
        assert await ids(store) == [named(2)]

    asyncio.run(main())
    database.close()


def test_a_file_that_nobody_empties_is_bounded(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path / "i", most=100)
    incoming.append(row(1))
    with pytest.raises(OSError, match="is full"):
        incoming.append(row(2))
    assert incoming.take()[0] == [row(1)]
    incoming.append(row(2))


def test_traces_of_another_layout_are_dropped_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Incoming(tmp_path / "t.sqlite.incoming").append(row(1))
    database, store = open_file(tmp_path / "t.sqlite", Clock())
    assert "1 traces of another layout were dropped" in caplog.text
    assert asyncio.run(ids(store)) == []
    database.close()
