"""A file of one process, which adds to its end; any process may read it, and which are finished."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BEING_MADE = 60.0  # seconds in which a file that is empty is not yet locked by its process


class Journal:
    """The file, locked for as long as its process lives or until it is closed."""

    def __init__(self, path: Path) -> None:
        """Make the file.

        Raises:
            OSError: it cannot be made
        """
        self.size = 0
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._number = os.fstat(self._file).st_ino

    def append(self, record: bytes) -> None:
        """Add a record; once this returns it survives a kill.

        Raises:
            OSError: it was not written
        """
        if os.stat(self._path).st_ino != self._number:  # its folder was removed: nobody reads it
            raise FileNotFoundError(f"{self._path} is another file")
        if os.write(self._file, record) != len(record):
            os.ftruncate(self._file, self.size)
            raise OSError("a record could not be written to the end")
        self.size += len(record)

    def close(self) -> None:
        """Append no more."""
        os.close(self._file)


def is_finished(path: Path) -> bool:
    """Whether no process will append to a file any more."""
    with locked_if_finished(path) as finished:
        return finished


def remove_finished(path: Path) -> None:
    """Remove a file to which no process will append; another may have been quicker."""
    with locked_if_finished(path) as finished:
        if finished:
            path.unlink(missing_ok=True)


@contextmanager
def locked_if_finished(path: Path) -> Iterator[bool]:
    """Whether its process has let go of a file; while this lasts no other finds it so."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _locks(file) and not _is_being_made(os.fstat(file))
    finally:
        os.close(file)


def _locks(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_being_made(told: os.stat_result) -> bool:
    return told.st_size == 0 and time.time() - told.st_mtime < BEING_MADE
