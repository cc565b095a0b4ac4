"""A file of one process, which appends to it by copying into memory that it shares with the file.

What has been copied survives a kill of the process as a commit does. No call asks the system, which
takes most of what an append with `write` takes.
"""

import fcntl
import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from service.store.records import HEAD


class Journal:
    """The file, locked for as long as its process lives or until it is closed."""

    def __init__(self, path: Path, size: int) -> None:
        """Make a file of so many zeros.

        Raises:
            OSError: there is no room for it
        """
        self.path, self.end = path, 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if os.write(self._file, bytes(size)) != size:  # so that no copy finds the disk full
                raise OSError(f"there is no room for {path}")
            self._memory = mmap.mmap(self._file, size)
        except BaseException:
            path.unlink(missing_ok=True)
            os.close(self._file)
            raise

    def has_room(self, record: bytes) -> bool:
        """Whether the record can be appended."""
        return self.end + len(record) <= len(self._memory)

    def append(self, record: bytes) -> None:
        """Add a record for which there is room; once this returns it survives a kill.

        Its head comes last, so that whoever reads meanwhile finds it whole or not at all.
        """
        body, end = self.end + HEAD, self.end + len(record)
        self._memory[body:end] = record[HEAD:]
        self._memory[self.end : body] = record[:HEAD]
        self.end = end

    def close(self) -> None:
        """Leave the file to whoever reads it to its end."""
        self._memory.close()
        os.close(self._file)


def is_left(path: Path) -> bool:
    """Whether no process will append to a file any more."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return _is_left(file)
    return False


def remove_left(path: Path) -> None:
    """Remove a file to which no process will append; another may have been quicker."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        if _is_left(file):
            path.unlink()


def _is_left(file: BinaryIO) -> bool:
    """Lock it until it is closed, where its process does not; an empty one is just being made."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file.fileno()).st_size > 0
