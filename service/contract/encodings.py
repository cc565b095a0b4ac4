"""Named arrays on their way out: nested JSON, NPZ, safetensors."""

import io
import re
import secrets
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ntm.architectures import kernels

Tensors = dict[str, NDArray[np.float32]]

FLOATS, ALIGNMENT = np.dtype("<f4"), 8  # of safetensors: what follows its header begins on 8 bytes
PIECE = 2**16  # numbers that are encoded at once
COPIED_AS_FAST = 8  # numbers, at least, are copied as fast as one is encoded as JSON

SIZE = attrgetter("size")

MEDIA_TYPES = {
    "json": "application/json",
    "npz": "application/x-npz",
    "safetensors": "application/vnd.safetensors",
    "png": "image/png",
    "svg": "image/svg+xml",
}


def to_json(facts: dict[str, Any], tensors: Tensors) -> bytes:
    """Facts with the tensors merged in; a dotted name becomes nested objects, NaN becomes null."""
    texts = {name: nested(tensor) for name, tensor in tensors.items()}
    return orjson.dumps(merged(facts, texts), option=orjson.OPT_SERIALIZE_NUMPY)


def json_parts(facts: dict[str, Any], tensors: Tensors) -> Iterator[bytes]:
    """The same in parts that are encoded when they are wanted, some rows of a tensor each."""
    stand_ins = StandIns()
    document = merged(facts, {name: stand_ins.add(tensor) for name, tensor in tensors.items()})
    return stand_ins.parts(document)


class StandIns:
    """Strings that stand for tensors in a document until it is sent."""

    def __init__(self) -> None:
        self._token = secrets.token_hex()  # no text of a client has it
        self._tensors: list[NDArray[np.float32]] = []

    def add(self, tensor: NDArray[np.float32]) -> str:
        """What stands for a tensor of one axis at least."""
        self._tensors.append(tensor)
        return f"{self._token}{len(self._tensors) - 1}"

    def parts(self, document: Any) -> Iterator[bytes]:
        """A document as JSON, its tensors encoded when they are wanted, some rows at a time."""
        text = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
        between = re.split(rb'"%b(\d+)"' % self._token.encode(), text)
        for before, place in zip(between[::2], [*between[1::2], None], strict=True):
            yield before
            if place is not None:
                yield from rows_as_json(self._tensors[int(place)])


def rows_as_json(tensor: NDArray[np.float32]) -> Iterator[bytes]:
    """A tensor of one axis at least as nested lists, PIECE numbers at a time."""
    yield b"["
    step = max(1, PIECE * len(tensor) // max(1, tensor.size))
    for start in range(0, len(tensor), step):
        rows = nested(tensor[start : start + step])
        text = orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        yield text if start == 0 else b"," + text
    yield b"]"


def merged(facts: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Facts and values; a dotted name becomes nested objects."""
    document = dict(facts)
    for name, value in values.items():
        if "." not in name:
            document[name] = value
            continue
        *outer, last = name.split(".")
        inside = document
        for part in outer:
            inside = inside.setdefault(part, {})
        inside[last] = value
    return document


def nested(tensor: NDArray[np.float32]) -> Any:
    """A tensor as orjson takes it: as text, by the compiled function once that is loaded.

    One call of orjson holds the interpreter until it is done, in whatever thread it runs: without
    that function a large tensor is encoded row by row, so that others get their turn.
    """
    kernel = kernels.loaded()
    if kernel is not None and tensor.size and tensor.ndim:
        return orjson.Fragment(kernel.to_json(tensor).tobytes())
    rows = np.ascontiguousarray(tensor)
    if rows.size <= PIECE:
        return rows
    step = max(1, PIECE * len(rows) // rows.size)
    parts = [
        orjson.dumps(rows[start : start + step], option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        for start in range(0, len(rows), step)
    ]
    return orjson.Fragment(b"[" + b",".join(parts) + b"]")


def as_text(facts: Any) -> str:
    """Facts as JSON text."""
    return orjson.dumps(facts, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def to_npz(facts: dict[str, Any], tensors: Tensors) -> bytes:
    """One array a tensor, and the facts as JSON text in the array `facts`.

    Not compressed: to deflate the stages of a run takes three times as long as to compute them.
    """
    buffer = io.BytesIO()
    np.savez(buffer, facts=np.array(as_text(facts)), **tensors)  # type: ignore[arg-type]
    return buffer.getvalue()


def to_safetensors(facts: dict[str, Any], tensors: Tensors) -> bytes:
    """Every tensor, with the facts as JSON strings in the metadata."""
    return b"".join(safetensors_parts(facts, tensors))


def safetensors_parts(facts: dict[str, Any], tensors: Tensors) -> Iterator[bytes | memoryview]:
    """The same in parts: the header, and the tensors as they lie in memory.

    The library copies every tensor twice on the way; here it is copied once.
    """
    header: dict[str, Any] = {
        "__metadata__": {
            name: value if isinstance(value, str) else as_text(value)
            for name, value in facts.items()
        }
    }
    parts, start = list[memoryview](), 0
    for name, tensor in tensors.items():
        parts.append(np.ascontiguousarray(tensor, FLOATS).data)
        end = start + tensor.nbytes
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": (start, end)}
        start = end
    told = orjson.dumps(header)
    told += b" " * (-len(told) % ALIGNMENT)
    yield len(told).to_bytes(8, "little") + told
    for part in parts:
        yield part.cast("B") if part.nbytes else b""


def effort(kind: str, tensors: Tensors) -> int:
    """How many numbers of tensors would take as long to encode as JSON; others are only copied.

    About as long as so many bytes of JSON take to be read. Up to PIECE it makes no difference to
    others in what thread that is done.
    """
    size: int = sum(map(SIZE, tensors.values()))
    return size if kind == "json" else size // COPIED_AS_FAST


PARTS: dict[str, Callable[[dict[str, Any], Tensors], Iterator[bytes | memoryview]]] = {
    "json": json_parts,
    "safetensors": safetensors_parts,
}
ENCODERS = {"json": to_json, "npz": to_npz, "safetensors": to_safetensors}
