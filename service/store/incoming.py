"""Rows on their way into a table: appended to a file first, and moved in later, many at once.

What the system has of a file survives the kill of a process as a commit does, and takes a tenth of
the time. Every process that shares the database appends to files of its own, and any of them moves
in what all have appended. How far each file has been moved in is in the database too, so that no
row is moved in twice.
"""

import logging
import secrets
import sqlite3
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

from service.store.journal import Journal, is_left, remove_left
from service.store.records import HEAD, Row, length_at, record_of, records_in

log = logging.getLogger("ntm.store")

SCHEMA = """
CREATE TABLE IF NOT EXISTS incoming (file TEXT NOT NULL PRIMARY KEY, end INTEGER NOT NULL);
"""
SIZE = 2**20  # bytes of a file, unless a record is larger


class Taken(NamedTuple):
    """What was found in the files."""

    rows: list[Row]
    ends: dict[str, int]  # of every file: how far it has been taken
    over: list[Path]  # to which nobody appends


class Incoming:
    """The files of all processes, of which this one appends to its own."""

    def __init__(self, path: Path, most: int = 2**30) -> None:
        """Begin no file yet; no other is begun while so many bytes of this process wait."""
        self._path, self._most = path, most
        self._journals: list[Journal] = []  # the last one is appended to
        self._ends: dict[str, int] = {}  # of what had been moved in when this process last looked

    def append(self, *rows: Row) -> None:
        """Add rows of numbers, strings and bytes; once this returns they survive a kill.

        Raises:
            OSError: none of them was written
        """
        record = record_of(rows)
        if not self._journals or not self._journals[-1].has_room(record):
            self._journals.append(self._begin(max(SIZE, len(record))))
        self._journals[-1].append(record)

    def is_empty(self) -> bool:
        """Whether no row waits to be moved in, whoever appended it."""
        return not any(self._has_more(path) for path in self._files())

    def take(self, connection: sqlite3.Connection) -> Taken:
        """All rows that wait; to be told to `settle` once they are committed.

        Args:
            connection: in a transaction that no other process writes beside
        """
        self._close_full()
        known = dict(connection.execute("SELECT file, end FROM incoming").fetchall())
        rows, ends, over = list[Row](), dict[str, int](), list[Path]()
        for path in self._files():
            left = is_left(path)  # before it is read: nothing comes behind what is found
            found, end, is_broken = read(path, known.get(path.name, 0))
            rows += found
            ends[path.name] = end
            if left:
                over.append(path)
                if is_broken:
                    log.error("%s is damaged after %s bytes; the rows behind are lost", path, end)
        gone = [(name,) for name in known.keys() - ends.keys()]
        connection.executemany("DELETE FROM incoming WHERE file = ?", gone)
        moved = [(name, end) for name, end in ends.items() if end > known.get(name, 0)]
        connection.executemany("INSERT OR REPLACE INTO incoming VALUES (?, ?)", moved)
        return Taken(rows, ends, over)

    def settle(self, taken: Taken) -> None:
        """Forget what was taken, and remove files that nobody appends to."""
        self._ends = taken.ends
        for path in taken.over:
            remove_left(path)

    def close(self) -> None:
        """Append no more; what waits is left to whoever moves it in."""
        for journal in self._journals:
            journal.close()
        self._journals.clear()

    def _begin(self, size: int) -> Journal:
        waiting = sum(one.end - self._ends.get(one.path.name, 0) for one in self._journals)
        if waiting > self._most:
            raise OSError(f"{self._path} is full: nothing has been moved in for long")
        return Journal(self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}"), size)

    def _close_full(self) -> None:
        """Leave all files but the last, which is appended to while this may run in a thread."""
        while len(self._journals) > 1:
            self._journals.pop(0).close()

    def _files(self) -> Iterator[Path]:
        return self._path.parent.glob(f"{self._path.name}*")

    def _has_more(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                file.seek(self._ends.get(path.name, 0))
                return length_at(file.read(HEAD), 0) > 0
        except FileNotFoundError:
            return False


def read(path: Path, start: int) -> tuple[list[Row], int, bool]:
    """The rows behind `start`, where they end, and whether anything but zeros follows."""
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            records = list(records_in(data, start))
            end = records[-1][1] if records else start
            return [row for rows, _ in records for row in rows], end, length_at(data, end) > 0
    except (FileNotFoundError, ValueError):  # another process has removed it, or is just making it
        return [], start, False
