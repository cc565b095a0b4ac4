"""Named arrays on their way out: nested JSON, NPZ, safetensors."""

import io
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors.numpy import save

Tensors = dict[str, NDArray[np.float32]]

PIECE = 2**16  # numbers that are encoded at once

MEDIA_TYPES = {
    "json": "application/json",
    "npz": "application/x-npz",
    "safetensors": "application/vnd.safetensors",
    "png": "image/png",
    "svg": "image/svg+xml",
}


def to_json(facts: dict[str, Any], tensors: Tensors) -> bytes:
    """Facts with the tensors merged in; a dotted name becomes nested objects, NaN becomes null."""
    told = dict(facts)
    for name, tensor in tensors.items():
        *outer, last = name.split(".")
        inside = told
        for part in outer:
            inside = inside.setdefault(part, {})
        inside[last] = nested(tensor)
    return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)


def nested(tensor: NDArray[np.float32]) -> Any:
    """A tensor as orjson takes it; a large one encoded row by row, so that others get their turn.

    One call of orjson holds the interpreter until it is done, in whatever thread it runs.
    """
    rows = np.ascontiguousarray(tensor)
    if rows.size <= PIECE:
        return rows
    step = max(1, PIECE * len(rows) // rows.size)
    parts = [
        orjson.dumps(rows[start : start + step], option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        for start in range(0, len(rows), step)
    ]
    return orjson.Fragment(b"[" + b",".join(parts) + b"]")


def to_npz(facts: dict[str, Any], tensors: Tensors) -> bytes:
    """One array a tensor, and the facts as JSON text in the array `facts`.

    Not compressed: to deflate the stages of a run takes three times as long as to compute them.
    """
    buffer = io.BytesIO()
    np.savez(buffer, facts=np.array(orjson.dumps(facts).decode()), **tensors)  # type: ignore[arg-type]
    return buffer.getvalue()


def to_safetensors(facts: dict[str, Any], tensors: Tensors) -> bytes:
    """Every tensor, with the facts as JSON strings in the metadata."""
    metadata = {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in facts.items()
    }
    return save({n: np.ascontiguousarray(t) for n, t in tensors.items()}, metadata)


ENCODERS = {"json": to_json, "npz": to_npz, "safetensors": to_safetensors}
