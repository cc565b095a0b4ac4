"""TensorFlow checkpoints of both versions, read as the sorted tables they are, without TensorFlow.

A table (LevelDB's SSTable) ends with where its index lies, the index says where blocks lie, and a
block holds keys, each told by what it shares with the last. Version 1 keeps tensors in the values,
version 2 keeps in them where the tensor lies in a second file.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm.foreign.errors import ForeignFile
from ntm.repository.folders import read_file

MAGIC = 0xDB4775248B80FB57
FOOTER = 48
TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}
Tensors = dict[str, NDArray[Any]]
Fields = dict[int, list[Any]]


def tensors(path: Path) -> Tensors:
    """The tensors of a checkpoint by name; of a version 2, its .index or the name without it.

    Raises:
        ForeignFile: it is no such file, or damaged
    """
    index = path.with_name(f"{path.name}.index")
    path = index if not path.exists() and index.exists() else path
    data = read_file(path)
    try:
        entries = dict(table(data))
        if path.suffix == ".index":
            return version_2(entries, path)
        return version_1(entries)
    except (ValueError, IndexError, struct.error, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ForeignFile(f"{path} is no whole TensorFlow checkpoint: {error}") from None


def table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a sorted table."""
    if len(data) < FOOTER or struct.unpack("<Q", data[-8:])[0] != MAGIC:
        raise ValueError("it does not end as its tables do")
    footer = data[-FOOTER:]
    at = varint(footer, varint(footer, 0)[1])[1]
    for _, handle in block(data, footer[at:]):
        yield from block(data, handle)


def block(data: bytes, handle: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the block at an offset and a size."""
    start, at = varint(handle, 0)
    size, _ = varint(handle, at)
    if start + size >= len(data):
        raise ValueError("a block beyond its end")
    if data[start + size] != 0:
        raise ValueError("a compressed block, which TensorFlow does not write")
    inside = data[start : start + size]
    (restarts,) = struct.unpack("<I", inside[-4:])
    end, at, key = size - 4 - 4 * restarts, 0, b""
    while at < end:
        shared, at = varint(inside, at)
        own, at = varint(inside, at)
        length, at = varint(inside, at)
        key = key[:shared] + inside[at : at + own]
        at += own
        yield key, inside[at : at + length]
        at += length


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next one begins."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number without an end")


def message(data: bytes) -> Fields:
    """The fields of a protocol buffer by number: numbers, or bytes."""
    found: Fields = {}
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        value: Any
        if kind == 0:
            value, at = varint(data, at)
        else:
            if kind == 2:
                size, at = varint(data, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise ValueError(f"a field of kind {kind}")
            if at + size > len(data):
                raise ValueError("a field beyond its end")
            value, at = data[at : at + size], at + size
        found.setdefault(tag >> 3, []).append(value)
    return found


def shape_of(data: bytes) -> tuple[int, ...]:
    """A TensorShapeProto."""
    dimensions = message(data).get(2, [])
    return tuple(int(message(one).get(1, [0])[0]) for one in dimensions)


def version_1(entries: dict[bytes, bytes]) -> Tensors:
    """SavedTensorSlices: the empty key tells names and shapes, the others hold a tensor each."""
    meta = message(message(entries[b""])[1][0])
    told = [message(one) for one in meta.get(1, [])]
    shapes = {str(one[1][0], "utf-8"): shape_of(one[2][0]) for one in told if 2 in one}
    found: Tensors = {}
    for key, value in entries.items():
        if not key:
            continue
        saved = message(message(value)[2][0])
        name, proto = str(saved[1][0], "utf-8"), message(saved[3][0])
        numbers = numbers_of(proto)
        if name not in shapes:
            raise ValueError(f"{name} is not listed")
        if name in found:
            raise ValueError(f"{name} is cut into slices, which is not read")
        found[name] = numbers.reshape(shapes[name])
    return found


def numbers_of(proto: Fields) -> NDArray[Any]:
    """The numbers of a TensorProto: in raw bytes, or packed in the field of their type."""
    kind = TYPES.get(int(proto.get(1, [1])[0]))
    if kind is None:
        return np.zeros(0)
    if 4 in proto:
        return np.frombuffer(proto[4][0], kind)
    packed = {"<f4": 5, "<f8": 6}.get(kind)
    if packed is not None:
        return np.frombuffer(b"".join(proto.get(packed, [])), kind)
    values: list[int] = []
    for part in proto.get(7 if kind == "<i4" else 10, []):
        at = 0
        if isinstance(part, int):
            values.append(part)
            continue
        while at < len(part):
            value, at = varint(part, at)
            values.append(value)
    return np.array(values, np.int64)


def version_2(entries: dict[bytes, bytes], path: Path) -> Tensors:
    """BundleEntryProtos: type, shape, and where the tensor lies in the data file."""
    shards = message(entries[b""]).get(1, [1])[0]
    if shards != 1:
        raise ValueError(f"{shards} data files, of which only one is read")
    data = read_file(path.with_name(f"{path.stem}.data-00000-of-00001"))
    found: Tensors = {}
    for key, value in entries.items():
        told = message(value)
        kind = TYPES.get(int(told.get(1, [0])[0]))
        if not key or kind is None:
            continue
        offset, size = (int(told.get(field, [0])[0]) for field in (4, 5))
        if offset + size > len(data):
            raise ValueError("a tensor beyond the end of the data file")
        shape = shape_of(told[2][0]) if 2 in told else ()
        found[str(key, "utf-8")] = np.frombuffer(data[offset : offset + size], kind).reshape(shape)
    return found
