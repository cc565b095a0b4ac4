"""Rows as they lie in a file one behind the other: which are whole, and where they end."""

import marshal
import zlib
from collections.abc import Iterator
from typing import Any

Row = tuple[Any, ...]

FORMAT = 4  # of marshal, which every Python since 3.4 reads
HEAD = 8  # bytes before what was written together: its length, and a checksum


def record_of(rows: tuple[Row, ...]) -> bytes:
    """Rows of numbers, strings and bytes that are written together."""
    told = marshal.dumps([*rows], FORMAT)
    return len(told).to_bytes(4, "little") + zlib.crc32(told).to_bytes(4, "little") + told


def records_in(data: bytes) -> Iterator[tuple[list[Row], int]]:
    """The rows of every record, and where it ends; up to one that is not whole."""
    start = 0
    while start < len(data):
        told = start + HEAD
        length = int.from_bytes(data[start : start + 4], "little")
        checksum = int.from_bytes(data[start + 4 : told], "little")
        body, start = data[told : told + length], told + length
        if not length or len(body) != length or zlib.crc32(body) != checksum:
            return
        together = marshal.loads(body)  # it is what was written: the checksum says so
        # before commit 4dd1683 a record was one row
        yield together if isinstance(together, list) else [together], start
