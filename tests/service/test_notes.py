"""Notes: changes that the event loop writes itself, unless somebody else is writing."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store import Database
from tests.service.test_commits import held, keep


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "file.sqlite")
    database.prepare("CREATE TABLE kept (number INTEGER);")
    yield database
    database.close()


def test_each_gets_its_own_result_or_error_and_is_in_the_file(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        notes = [database.note(keep(number)) for number in (1, 2, -3, 4)]
        given = await asyncio.gather(*notes, return_exceptions=True)
        assert [given[0], given[1], given[3]] == [1, 2, 4]
        assert isinstance(given[2], ValueError)
        assert held(tmp_path / "file.sqlite") == [1, 2, 4]

    asyncio.run(main())


def test_while_another_process_writes_they_wait_and_the_event_loop_does_not(
    database: Database, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "file.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def main() -> None:
        noted = asyncio.create_task(database.note(keep(1)))
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert not noted.done()
        other.execute("COMMIT")
        assert await asyncio.wait_for(noted, 20) == 1

    asyncio.run(main())
    other.close()
    assert held(tmp_path / "file.sqlite") == [1]


def test_the_log_beside_the_file_stays_small(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.database.NOTES_BETWEEN_CHECKPOINTS", 20)

    async def main() -> None:
        for number in range(2000):
            await database.note(keep(number))

    asyncio.run(main())
    assert (tmp_path / "file.sqlite-wal").stat().st_size < 2e6  # 2000 commits have 8e6 and more
