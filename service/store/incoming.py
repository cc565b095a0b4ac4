"""Rows on their way into a table: appended to a file first, and moved in later, many at once.

What the system has of a file survives the kill of a process as a commit does, and takes a tenth of
the time. Every process that shares the database appends to files of its own, which takes no lock,
and any of them moves in what all have appended. How far each file has been moved in is in the
database too, so that no row is moved in twice.
"""

import logging
import os
import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from service.store.journal import Journal, is_finished, remove_finished
from service.store.records import Row, record_of, records_in

log = logging.getLogger("ntm.store")

INCOMING = """
CREATE TABLE IF NOT EXISTS incoming (file TEXT NOT NULL PRIMARY KEY, end INTEGER NOT NULL);
"""
SIZE = 2**20  # bytes of a file, after which another is begun
LEAST = 8 * SIZE  # bytes of all files that are allowed in any case


class Taken(NamedTuple):
    """What was found in the files."""

    rows: list[Row]
    ends: dict[str, int]  # how far each has been taken
    finished: list[Path]


class Incoming:
    """The files of all processes, of which this one appends to its own."""

    def __init__(self, path: Path, most: int = 2**30) -> None:
        """Begin no file yet, nor ever while all files have more than so many bytes."""
        self._path, self._most = path, max(most, LEAST)
        self._journal: Journal | None = None
        self._ends: dict[str, int] = {}  # how far files had been moved in when last looked at

    def append(self, *rows: Row) -> None:
        """Add rows of numbers, strings and bytes; once this returns they survive a kill.

        Raises:
            OSError: none of them was written
        """
        if self._journal is None or self._journal.size > SIZE:
            self.close()
            self._journal = self._begin()
        self._journal.append(record_of(rows))

    def is_empty(self) -> bool:
        """Whether no row waits to be moved in, whoever appended it.

        Raises:
            OSError: the files cannot be looked at
        """
        return all(size_of(path) <= self._ends.get(path.name, 0) for path in self._files())

    def take(self, connection: sqlite3.Connection) -> Taken:
        """All rows that wait; to be told to `settle` once they are committed.

        Args:
            connection: in a transaction that no other process writes beside
        Raises:
            OSError: the files cannot be read
        """
        known = dict(connection.execute("SELECT file, end FROM incoming").fetchall())
        rows, ends, finished = list[Row](), dict[str, int](), list[Path]()
        for path in self._files():
            is_last = is_finished(path)  # before it is read: nothing comes behind what is found
            found, end, is_broken = read(path, known.get(path.name, 0))
            rows += found
            ends[path.name] = end
            if is_last:
                finished.append(path)
                if is_broken:
                    log.error("%s is damaged after %s bytes; the rows behind are lost", path, end)
        gone = [(name,) for name in known.keys() - ends.keys() if not self._is_there(name)]
        connection.executemany("DELETE FROM incoming WHERE file = ?", gone)
        moved = [(name, end) for name, end in ends.items() if end > known.get(name, 0)]
        connection.executemany("INSERT OR REPLACE INTO incoming VALUES (?, ?)", moved)
        return Taken(rows, ends, finished)

    def settle(self, taken: Taken) -> None:
        """Forget what was taken, and remove files that nobody appends to."""
        self._ends = taken.ends
        for path in taken.finished:
            remove_finished(path)

    def close(self) -> None:
        """Leave the file to whoever moves it in; another is begun where more is appended."""
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def _begin(self) -> Journal:
        if sum(map(size_of, self._files())) > self._most:
            raise OSError(f"{self._path} is full: nothing has been moved in for long")
        return Journal(self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}"))

    def _files(self) -> list[Path]:
        folder = self._path.parent
        return [folder / name for name in os.listdir(folder) if name.startswith(self._path.name)]

    def _is_there(self, name: str) -> bool:
        return self._path.with_name(name).exists()


def size_of(path: Path) -> int:
    """Bytes of a file; none where another process has removed it."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def read(path: Path, start: int) -> tuple[list[Row], int, bool]:
    """The rows of a file from `start` on, where they end, and whether there is more."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except FileNotFoundError:  # another process has removed it
        return [], start, False
    records = list(records_in(data))
    end = records[-1][1] if records else 0
    return [row for rows, _ in records for row in rows], start + end, end < len(data)
