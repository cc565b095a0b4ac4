"""What a store holds and nobody can read: it is counted, logged and, from files, set aside."""

import logging
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from service.errors import StoreUnavailable

log = logging.getLogger("ntm.store")

MOST = 2**26  # bytes of all that is set aside


class Unreadable(StoreUnavailable):
    """Something else lies where a record should."""


# what unpacking raises, by whatever the bytes are
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    SafetensorError,
    TypeError,
    Unreadable,
    ValueError,
    zlib.error,
)


class Damage:
    """Damaged records of one store."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` is the store's file, beside which records are set aside; nowhere by default."""
        self._path = path
        self.count = 0  # damaged records met since the start

    def report(self, description: str, error: object) -> None:
        """Count and log what stays where it is."""
        self.count += 1
        log.error("%s cannot be read: %s", description, error)

    def set_aside(self, description: str, data: bytes) -> None:
        """Count and log what will be lost where it lies, and write it to a file of its own.

        The same data has the same file: it may be met again before what was taken is committed.
        """
        self.count += 1
        if self._path is None:
            log.error("%s cannot be read and is skipped", description)
            return
        file = self._path.with_name(f"{self._path.name}.damaged.{zlib.crc32(data):08x}")
        try:
            self._write(file, data)
        except OSError as error:
            log.error("%s cannot be read, nor be set aside: %s", description, error)
        else:
            log.error("%s cannot be read and is set aside in %s", description, file)

    def _write(self, file: Path, data: bytes) -> None:
        begin = f"{file.stem}."
        with os.scandir(file.parent) as entries:
            held = sum(entry.stat().st_size for entry in entries if entry.name.startswith(begin))
        if held + len(data) > MOST:
            raise OSError(f"{held} bytes are set aside already")
        file.write_bytes(data)

    @contextmanager
    def reading(self, description: str, instead: Exception) -> Iterator[None]:
        """Report what cannot be unpacked.

        Raises:
            Exception: `instead` of any of UNREADABLE
        """
        try:
            yield
        except UNREADABLE as error:
            self.report(description, error)
            raise instead from error
