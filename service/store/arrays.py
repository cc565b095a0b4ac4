"""What is stored as blobs: arrays as bits or deflated, a state as safetensors, lists as JSON."""

import zlib
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors.numpy import load, save

from ntm.signature import State

BITS = b"b"  # what an array of bits begins with; zlib begins with x
FLOATS = np.dtype("<f4")
ONE = np.float32(1).view(np.uint32)


def pack(array: NDArray[np.float32]) -> bytes:
    """Exactly: zeros and ones as bits with their number before them, else float32 deflated."""
    floats = np.ascontiguousarray(array, FLOATS)
    exact = floats.view(np.uint32)
    ones = exact == ONE
    if np.count_nonzero(exact) == np.count_nonzero(ones):
        return BITS + floats.size.to_bytes(4, "little") + np.packbits(ones).tobytes()
    return zlib.compress(floats.tobytes(), level=1)


def unpack(data: bytes, steps: int) -> NDArray[np.float32]:
    """What `pack` packed, [T, width]."""
    if data.startswith(BITS):
        bits = np.frombuffer(data, np.uint8, offset=5)
        count = int.from_bytes(data[1:5], "little")
        return np.unpackbits(bits, count=count).astype(np.float32).reshape(steps, -1)
    return np.frombuffer(zlib.decompress(data), "<f4").reshape(steps, -1)


def pack_state(state: State) -> bytes:
    """Every state tensor, exactly."""
    return save({name: np.ascontiguousarray(value) for name, value in state.items()})


def unpack_state(data: bytes) -> State:
    """What `pack_state` packed."""
    return dict(load(data))


def pack_json(told: Any) -> bytes:
    """A JSON value, deflated."""
    return zlib.compress(orjson.dumps(told), level=1)


def unpack_json(data: bytes) -> Any:
    """What `pack_json` packed."""
    return orjson.loads(zlib.decompress(data))
