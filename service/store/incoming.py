"""Rows on their way into a table: appended to a file first, and moved in later, many at once.

What the system has taken of an append survives the kill of a process as a commit does, and takes a
tenth of the time. All processes that share a database share the file; a lock on it is held for as
long as an append takes.
"""

import fcntl
import logging
import marshal
import os
import secrets
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = tuple[Any, ...]

log = logging.getLogger("ntm.store")

FORMAT = 4  # of marshal, which every Python since 3.4 reads
HEAD = 8  # bytes before what was appended together: its length, and a checksum


class Incoming:
    """The file of a database, and what was set aside of it to be moved in."""

    def __init__(self, path: Path, most: int = 2**30) -> None:
        """Open or create the file, which may hold so many bytes."""
        self._path, self._most = path, most
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._lock = FileLock(self._file)

    def append(self, *rows: Row) -> None:
        """Add rows of numbers, strings and bytes; once this returns they survive a kill.

        Raises:
            OSError: none of them was written
        """
        record = record_of(rows)
        with self._lock:
            size = os.lseek(self._file, 0, os.SEEK_END)
            if size + len(record) > self._most:
                raise OSError(f"{self._path} is full: nothing has been moved in for long")
            if os.write(self._file, record) != len(record):
                os.ftruncate(self._file, size)
                raise OSError(f"{self._path} could not be written to the end")

    def is_empty(self) -> bool:
        """Whether no row waits to be moved in, whoever appended it."""
        return os.lseek(self._file, 0, os.SEEK_END) == 0 and not self._set_aside()

    def take(self) -> tuple[list[Row], list[Path]]:
        """All rows that wait, and the files to remove once they have been moved in.

        To be called by one at a time. Who is killed before it has removed the files leaves them to
        be taken again.
        """
        paths = self._set_aside()
        rows = [row for path in paths for row in rows_of(path)]
        with self._lock:
            size = os.lseek(self._file, 0, os.SEEK_END)
            if not size:
                return rows, paths
            data, aside = os.pread(self._file, size, 0), self._aside(secrets.token_hex(8))
            aside.write_bytes(data)
            os.ftruncate(self._file, 0)
        return [*rows, *rows_in(data, aside)], [*paths, aside]

    def close(self) -> None:
        """Close the file; what waits in it is kept."""
        os.close(self._file)

    def _set_aside(self) -> list[Path]:
        return sorted(self._path.parent.glob(f"{self._path.name}.*"))

    def _aside(self, name: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{name}")


class FileLock:
    """Of one at a time, among threads and processes that have the file open."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._threads = threading.Lock()  # to the system they are all one

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *error: object) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._threads.release()


def record_of(rows: tuple[Row, ...]) -> bytes:
    """Rows that are appended together as they lie in the file."""
    told = marshal.dumps([*rows], FORMAT)
    return len(told).to_bytes(4, "little") + zlib.crc32(told).to_bytes(4, "little") + told


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a file, as far as they are whole; none where another process has removed it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    yield from rows_in(data, path)


def rows_in(data: bytes, path: Path) -> Iterator[Row]:
    """The rows in what a file holds, as far as they are whole."""
    start = 0
    while start < len(data):
        length = int.from_bytes(data[start : start + 4], "little")
        checksum = int.from_bytes(data[start + 4 : start + HEAD], "little")
        told = data[start + HEAD : start + HEAD + length]
        if len(told) != length or zlib.crc32(told) != checksum:
            log.error("%s is damaged after %s bytes; the rows behind are lost", path, start)
            return
        together = marshal.loads(told)  # it is what was written: the checksum says so
        yield from together if isinstance(together, list) else [together]  # alone until 2026-11
        start += HEAD + length
