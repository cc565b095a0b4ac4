"""Traces on their way into the table: none is lost or doubled, whoever is killed when."""

import asyncio
import marshal
import multiprocessing
import os
import resource
import signal
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from service.errors import StoreUnavailable
from service.store.database import with_lock
from service.store.incoming import INCOMING, LEAST, SIZE, Incoming
from service.store.journal import Journal
from service.store.records import FORMAT, Row, record_of
from tests.service.store.test_store import Clock, ids, named, open_file, trace

ROWS = 400  # of each process


def row(number: int) -> tuple[object, ...]:
    return (named(number), number, 0.5, None, b"\x00\xff" * (number % 50))


def connected(folder: Path) -> sqlite3.Connection:
    """The database in a folder, with the table that says how far files have been taken."""
    connection = sqlite3.connect(folder / "d", timeout=300, isolation_level=None)
    connection.executescript(INCOMING)
    return connection


def take(incoming: Incoming, connection: sqlite3.Connection) -> list[Row]:
    """What waits, in a transaction that is committed."""
    taken = with_lock(connection, incoming.take)
    incoming.settle(taken)
    return taken.rows


def test_rows_come_once_and_as_they_were(tmp_path: Path) -> None:
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i")
    assert incoming.is_empty()
    for number in range(3):
        incoming.append(row(number))
    another = Incoming(tmp_path / "i")  # of another process
    assert not another.is_empty()
    assert take(another, connection) == [row(number) for number in range(3)]
    assert take(incoming, connection) == []
    incoming.append(row(3), row(4))
    assert not another.is_empty()
    assert take(incoming, connection) == [row(3), row(4)]
    assert take(another, connection) == []
    assert incoming.is_empty()
    assert another.is_empty()


def test_what_is_not_committed_is_taken_again(tmp_path: Path) -> None:
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i")
    incoming.append(row(1))
    incoming.close()
    connection.execute("BEGIN IMMEDIATE")
    assert incoming.take(connection).rows == [row(1)]
    connection.execute("ROLLBACK")
    assert not incoming.is_empty()
    assert take(incoming, connection) == [row(1)]


def files(folder: Path) -> list[Path]:
    """Those that are appended to."""
    return list(folder.glob("i.*"))


def test_files_are_removed_once_they_are_finished_and_taken(tmp_path: Path) -> None:
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i")
    large = ("x" * (SIZE // 2),)
    for _ in range(5):  # two to a file
        incoming.append(large)
    assert len(files(tmp_path)) == 3
    assert take(Incoming(tmp_path / "i"), connection) == [large] * 5
    assert len(files(tmp_path)) == 1
    incoming.append(large)
    incoming.close()
    assert take(Incoming(tmp_path / "i"), connection) == [large]
    assert files(tmp_path) == []
    assert take(incoming, connection) == []
    assert connection.execute("SELECT * FROM incoming").fetchall() == []


def test_no_row_comes_again_where_the_folder_cannot_be_read(tmp_path: Path) -> None:
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i")
    incoming.append(row(1))
    assert take(incoming, connection) == [row(1)]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = os.open(tmp_path / "used", os.O_CREAT)
    os.close(used)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            with_lock(connection, incoming.take)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert take(incoming, connection) == []


def test_a_name_may_look_like_a_pattern(tmp_path: Path) -> None:
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i[1]*")
    incoming.append(row(1))
    assert not incoming.is_empty()
    assert take(incoming, connection) == [row(1)]


def test_a_row_larger_than_a_file_is_kept(tmp_path: Path) -> None:
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i")
    rows = [row(1), ("x" * 2 * SIZE,), row(2)]
    for one in rows:
        incoming.append(one)
    assert sorted(take(incoming, connection), key=repr) == sorted(rows, key=repr)


@pytest.mark.parametrize("damage", ["cut", "zeros"])
def test_what_was_lost_is_told_and_what_lies_before_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """As after a loss of power."""
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i")
    for number in range(4):
        incoming.append(row(number))
    incoming.close()
    (path,) = files(tmp_path)
    whole, end = path.read_bytes(), sum(len(record_of((row(n),))) for n in range(2))
    path.write_bytes(whole[:-2] if damage == "cut" else whole[:end] + bytes(len(whole) - end))
    expected = [row(number) for number in range(3 if damage == "cut" else 2)]
    assert take(incoming, connection) == expected
    assert "cannot be read" in caplog.text
    assert files(tmp_path) == []


def test_rows_that_earlier_versions_appended_are_read(tmp_path: Path) -> None:
    """In one file of all processes, or in one set aside of it; at first each was a record."""
    alone = [marshal.dumps(row(number), FORMAT) for number in range(2)]
    heads = [len(a).to_bytes(4, "little") + zlib.crc32(a).to_bytes(4, "little") for a in alone]
    (tmp_path / "i.0123").write_bytes(b"".join(h + a for h, a in zip(heads, alone, strict=True)))
    (tmp_path / "i").write_bytes(record_of((row(2), row(3))))
    incoming = Incoming(tmp_path / "i")
    rows = take(incoming, connected(tmp_path))
    assert sorted(rows, key=repr) == sorted(map(row, range(4)), key=repr)
    assert list(tmp_path.glob("i*")) == []


def append_many(folder: Path, first: int, die: bool = False) -> None:
    incoming = Incoming(folder / "i")
    for number in range(first, first + ROWS):
        incoming.append((*row(number), "x" * (SIZE // 100)))
    if die:
        os.kill(os.getpid(), signal.SIGKILL)


def test_processes_append_and_are_killed_while_others_take(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [
        spawn.Process(target=append_many, args=(tmp_path, first, first > 0)) for first in (0, ROWS)
    ]
    for writer in writers:
        writer.start()
    taken, takes, over = list[Row](), list[int](), threading.Event()

    def take_all() -> None:
        incoming, connection = Incoming(tmp_path / "i"), connected(tmp_path)
        while not over.is_set() or not incoming.is_empty():
            rows = take(incoming, connection)
            taken.extend(rows)
            takes.append(len(rows))

    with ThreadPoolExecutor(2) as pool:
        taking = [pool.submit(take_all) for _ in range(2)]
        for writer in writers:
            writer.join()
        over.set()
        for one in taking:
            one.result()
    assert [writer.exitcode for writer in writers] == [0, -signal.SIGKILL]
    expected = sorted(repr(row(number)) for number in range(2 * ROWS))
    assert sorted(repr(one[:-1]) for one in taken) == expected
    assert sum(map(bool, takes)) > 1
    take(Incoming(tmp_path / "i"), connected(tmp_path))
    assert list(tmp_path.glob("i.*")) == []


def test_a_thread_appends_while_another_takes(tmp_path: Path) -> None:
    incoming, taken, over = Incoming(tmp_path / "i"), list[object](), threading.Event()

    def take_all() -> None:
        connection = connected(tmp_path)
        while not over.is_set() or not incoming.is_empty():
            taken.extend(take(incoming, connection))

    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(take_all)
        for number in range(10 * ROWS):
            incoming.append(row(number))
        over.set()
        taking.result()
    assert taken == [row(number) for number in range(10 * ROWS)]


def test_a_file_that_is_just_being_made_is_left_alone(tmp_path: Path) -> None:
    made = tmp_path / "i.0123"
    made.touch()
    assert take(Incoming(tmp_path / "i"), connected(tmp_path)) == []
    assert made.exists()
    os.utime(made, (0, 0))  # whoever made it was killed
    assert take(Incoming(tmp_path / "i"), connected(tmp_path)) == []
    assert not made.exists()


def test_a_trace_is_moved_in_by_itself(tmp_path: Path) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())

    async def main() -> None:
        await store.put(trace(1))
        with sqlite3.connect(tmp_path / "t.sqlite") as other:
            count = "SELECT COUNT(*) FROM bundles"
            assert other.execute(count).fetchone() == (0,)
            for _ in range(6000):
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


@contextmanager
def full_disk() -> Iterator[None]:
    """No file becomes larger than nothing."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())

    async def main() -> None:
        with full_disk():
            puts = [store.put(trace(number)) for number in range(5)]
            told = await asyncio.gather(*puts, return_exceptions=True)
        assert [type(one) for one in told] == [StoreUnavailable] * 5
        assert "cannot be written" in str(told[0])
        await store.put(trace(6))
        assert await ids(store) == [named(6)]

    asyncio.run(main())
    database.close()


def test_those_of_one_turn_are_appended_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, store = open_file(tmp_path / "t.sqlite", Clock())
    written, append = list[int](), Journal.append

    def append_and_count(journal: Journal, record: bytes) -> None:
        written.append(len(record))
        append(journal, record)

    monkeypatch.setattr(Journal, "append", append_and_count)

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


def test_what_nobody_moves_in_is_bounded(tmp_path: Path) -> None:
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i", most=1)
    large, kept = ("x" * SIZE,), 0
    with pytest.raises(OSError, match="is full"):  # noqa: PT012
        for _ in range(20):
            Incoming(tmp_path / "i").append(large)  # as other processes
            incoming.append(large)
            kept += 2
    assert LEAST // SIZE <= kept < LEAST // SIZE + 4
    assert len(take(incoming, connection)) >= kept
    incoming.append(large)
    assert take(incoming, connection) == [large]


def test_traces_of_another_layout_are_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Path(tmp_path / "t.sqlite.incoming").write_bytes(record_of((row(1),)))
    database, store = open_file(tmp_path / "t.sqlite", Clock())
    assert "a row of another layout cannot be read" in caplog.text
    assert asyncio.run(ids(store)) == []
    database.close()
