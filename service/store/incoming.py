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

from service.store.damage import Damage
from service.store.journal import Journal, is_finished, remove_finished
from service.store.records import Records, Row, read_records, record_of

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

    def __init__(self, path: Path, most: int = 2**30, damage: Damage | None = None) -> None:
        """Begin no file yet, nor ever while all files have more than so many bytes."""
        self._path, self._most = path, max(most, LEAST)
        self._damage = damage or Damage()
        self._unreadable = set[str]()  # files that could not be read when last looked at
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
        try:
            self._journal.append(record_of(rows))
        except OSError:
            self.close()  # perhaps the folder has gone, and is there again for the next file
            raise

    def is_empty(self) -> bool:
        """Whether no row waits to be moved in, whoever appended it.

        Raises:
            OSError: the files cannot be looked at
        """
        return all(
            size_of(path) == self._ends.get(path.name, 0) or path.name in self._unreadable
            for path in self._files()
        )

    def take(self, connection: sqlite3.Connection) -> Taken:
        """All rows that wait; to be told to `settle` once they are committed.

        Args:
            connection: in a transaction that no other process writes beside
        Raises:
            OSError: the files cannot be read
        """
        known = dict(connection.execute("SELECT file, end FROM incoming").fetchall())
        rows, ends, finished, unreadable = list[Row](), dict[str, int](), list[Path](), set[str]()
        for path in self._files():
            try:
                is_last = is_finished(path)  # before it is read: nothing comes behind what is found
                found = read(path, known.get(path.name, 0), is_last)
            except OSError as error:
                unreadable.add(path.name)
                if path.name not in self._unreadable:
                    self._damage.report(str(path), error)
                continue
            for data in found.damaged:
                self._damage.set_aside(f"a record of {len(data)} bytes in {path}", data)
            rows += found.rows
            ends[path.name] = found.end
            if is_last:
                finished.append(path)
        self._unreadable = unreadable
        gone = [(name,) for name in known.keys() - ends.keys() if not self._is_there(name)]
        connection.executemany("DELETE FROM incoming WHERE file = ?", gone)
        moved = [(name, end) for name, end in ends.items() if end != known.get(name, 0)]
        connection.executemany("INSERT OR REPLACE INTO incoming VALUES (?, ?)", moved)
        return Taken(rows, ends, finished)

    def settle(self, taken: Taken) -> None:
        """Forget what was taken, and remove files that nobody appends to."""
        self._ends = taken.ends
        for path in taken.finished:
            try:
                remove_finished(path)
            except OSError as error:  # it has been taken, and is not taken again
                log.error("%s cannot be removed: %s", path, error)

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
        """Files only: a pipe would be waited for."""
        begin = self._path.name
        with os.scandir(self._path.parent) as entries:
            return [Path(e.path) for e in entries if e.name.startswith(begin) and e.is_file()]

    def _is_there(self, name: str) -> bool:
        return self._path.with_name(name).exists()


def size_of(path: Path) -> int:
    """Bytes of a file; none where another process has removed it."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def read(path: Path, start: int, is_finished: bool) -> Records:
    """The records of a file from `start` on; of one that has become shorter, from its end on.

    Raises:
        OSError: it cannot be read
    """
    try:
        with path.open("rb") as file:
            start = min(start, os.fstat(file.fileno()).st_size)
            file.seek(start)
            data = file.read()
    except FileNotFoundError:  # another process has removed it
        return Records([], [], start)
    found = read_records(data, is_finished=is_finished)
    return found._replace(end=start + found.end)
