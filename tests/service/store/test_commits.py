"""Changes that wait together are written together; one that fails takes none along."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.errors import StoreUnavailable
from service.store import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "file.sqlite")
    database.prepare("CREATE TABLE IF NOT EXISTS kept (number INTEGER NOT NULL);")
    yield database
    database.close()


def keep(number: int) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO kept VALUES (?)", (number,))
        if number < 0:
            raise ValueError(f"{number}")
        return number

    return work


def held(path: Path) -> list[int]:
    with sqlite3.connect(path) as other:
        return [row[0] for row in other.execute("SELECT number FROM kept ORDER BY number")]


def test_each_gets_its_own_result_or_error(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        changes = [database.change(keep(number)) for number in (1, 2, -3, 4)]
        given = await asyncio.gather(*changes, return_exceptions=True)
        assert [given[0], given[1], given[3]] == [1, 2, 4]
        assert isinstance(given[2], ValueError)
        assert held(tmp_path / "file.sqlite") == [1, 2, 4]

    asyncio.run(main())


def test_what_has_been_answered_is_in_the_file(database: Database, tmp_path: Path) -> None:
    async def one(number: int) -> None:
        await asyncio.sleep(number % 7 / 5000)
        assert await database.change(keep(number)) == number
        if number % 50 == 0:
            assert number in held(tmp_path / "file.sqlite")

    async def main() -> None:
        await asyncio.wait_for(asyncio.gather(*(one(number) for number in range(1000))), 120)

    asyncio.run(main())
    assert held(tmp_path / "file.sqlite") == list(range(1000))


def test_those_that_wait_share_a_commit(database: Database) -> None:
    entered, go, statements = threading.Event(), threading.Event(), []

    def slow(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(statements.append)
        entered.set()
        assert go.wait(60)

    async def main() -> None:
        first = asyncio.create_task(database.change(slow))
        await asyncio.to_thread(entered.wait, 60)
        rest = [asyncio.create_task(database.change(keep(number))) for number in range(20)]
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, *rest)

    asyncio.run(main())
    assert statements.count("COMMIT") == 2


def test_one_who_leaves_does_not_keep_the_others_waiting(database: Database) -> None:
    async def main() -> None:
        tasks = [asyncio.create_task(database.change(keep(number))) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        given = await asyncio.gather(*tasks, return_exceptions=True)
        assert [given[0], given[2]] == [0, 2]

    asyncio.run(main())


def test_a_store_that_cannot_write_says_so(database: Database) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO gone VALUES (1)")

    async def main() -> None:
        with pytest.raises(StoreUnavailable):
            await database.change(broken)
        assert await database.change(keep(1)) == 1

    asyncio.run(main())
