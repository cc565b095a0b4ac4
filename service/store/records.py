"""Rows as they lie in a file one behind the other: which are whole, and where they end."""

import marshal
import zlib
from collections.abc import Iterator
from mmap import mmap
from typing import Any

Row = tuple[Any, ...]

FORMAT = 4  # of marshal, which every Python since 3.4 reads
HEAD = 8  # bytes before what was written together: its length, and a checksum


def record_of(rows: tuple[Row, ...]) -> bytes:
    """Rows of numbers, strings and bytes that are written together."""
    told = marshal.dumps([*rows], FORMAT)
    return len(told).to_bytes(4, "little") + zlib.crc32(told).to_bytes(4, "little") + told


def records_in(data: bytes | mmap, start: int) -> Iterator[tuple[list[Row], int]]:
    """The rows of every record from `start` on, and where it ends, up to one that is not whole."""
    while length := length_at(data, start):
        end = start + HEAD + length
        checksum = int.from_bytes(data[start + 4 : start + HEAD], "little")
        told = data[start + HEAD : end]
        if len(told) != length or zlib.crc32(told) != checksum:
            return
        together = marshal.loads(told)  # it is what was written: the checksum says so
        yield together if isinstance(together, list) else [together], end  # alone until 2026-11
        start = end


def length_at(data: bytes | mmap, start: int) -> int:
    """The length of the record that begins there; 0 if none does."""
    return int.from_bytes(data[start : start + 4], "little")
