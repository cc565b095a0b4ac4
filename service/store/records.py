"""Rows as they lie in a file one behind the other: which are whole, and which are damaged."""

import marshal
import re
import zlib
from typing import Any, NamedTuple

Row = tuple[Any, ...]

FORMAT = 4  # of marshal, which every Python since 3.4 reads
HEAD = 8  # bytes before what was written together: its length, and a checksum
# How marshal begins a list or a tuple, with or without a reference to it
BODY = re.compile(rb"[\x5b\xdb\x28\xa8\x29\xa9]")
EFFORT = 64  # bytes that are summed while looking for the next record, for each byte there is


class Records(NamedTuple):
    """What lies in a file from some place on."""

    rows: list[Row]
    damaged: list[bytes]  # stretches that are no records, each with whole ones around
    end: int  # behind the last of both


def record_of(rows: tuple[Row, ...]) -> bytes:
    """Rows of numbers, strings and bytes that are written together."""
    told = marshal.dumps([*rows], FORMAT)
    return len(told).to_bytes(4, "little") + zlib.crc32(told).to_bytes(4, "little") + told


def read_records(data: bytes, *, is_finished: bool) -> Records:
    """All whole records, also those behind damaged ones.

    Args:
        data: from the beginning of a record on
        is_finished: whether what lies behind the last whole record is damaged, too; else it may
            be a record that is just being written
    """
    rows, damaged, start = list[Row](), list[bytes](), 0
    while start < len(data):
        if body := _body_at(data, start):
            end = start + HEAD + len(body)
            found = _rows_of(body)
            rows += found or []
            if found is None:
                damaged.append(data[start:end])
        else:
            following = _next_record(data, start)
            if following is None and not is_finished:
                break
            end = len(data) if following is None else following
            damaged.append(data[start:end])
        start = end
    return Records(rows, damaged, start)


def _length_at(data: bytes, start: int) -> int:
    """The length that a record has which begins here; 0 where none can."""
    length = int.from_bytes(data[start : start + 4], "little")
    return length if start + HEAD + length <= len(data) else 0


def _body_at(data: bytes, start: int) -> bytes | None:
    """What the record that begins here holds; None where its checksum is another."""
    checksum = int.from_bytes(data[start + 4 : start + HEAD], "little")
    body = data[start + HEAD : start + HEAD + _length_at(data, start)]
    return body if body and zlib.crc32(body) == checksum else None


def _rows_of(body: bytes) -> list[Row] | None:
    """The rows of a record; None where it holds anything else."""
    try:
        together = marshal.loads(body)
    except (ValueError, TypeError, EOFError, MemoryError):
        return None
    # before commit 4dd1683 a record was one row
    rows = together if isinstance(together, list) else [together]
    return rows if all(isinstance(row, tuple) for row in rows) else None


def _next_record(data: bytes, damaged: int) -> int | None:
    """Where the first whole record behind a damaged one begins, if there is any."""
    following = damaged + HEAD + _length_at(data, damaged)
    if following > damaged + HEAD and _body_at(data, following):
        return following
    effort = EFFORT * len(data)
    for match in BODY.finditer(data, damaged + HEAD + 1):
        start = match.start() - HEAD
        effort -= _length_at(data, start)
        if effort < 0:
            return None
        if _body_at(data, start):
            return start
    return None
