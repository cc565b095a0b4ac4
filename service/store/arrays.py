"""What is stored as blobs: arrays as deflated float32, a state as safetensors, lists as JSON."""

import zlib
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors.numpy import load, save

from ntm.signature import State


def pack(array: NDArray[np.float32]) -> bytes:
    """float32, little-endian, deflated: bits shrink to next to nothing."""
    return zlib.compress(np.ascontiguousarray(array, "<f4").tobytes(), level=1)


def unpack(data: bytes, steps: int) -> NDArray[np.float32]:
    """What `pack` packed, [T, width]."""
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
