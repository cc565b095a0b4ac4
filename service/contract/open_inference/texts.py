"""Tensors of strings (BYTES): a text that is asked, its answers; JSON strings or prefixed bytes.

In bytes every string has its length before it, four bytes, little-endian.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service import errors
from service.contract import schemas
from service.contract.long_arrays import LongArray
from service.contract.open_inference.parameters import refuse_unsupported, whole
from service.contract.open_inference.tensors import InputTensor

TEXT = "text"  # the input
ANSWER = "answer"  # the output
DATATYPE = "BYTES"
PREFIX = 4  # bytes

Strings = NDArray[np.object_]


def has_text(inputs: Sequence[InputTensor]) -> bool:
    """Whether it is asked in words."""
    return any(tensor.name == TEXT for tensor in inputs)


def read_text(inputs: Sequence[InputTensor], behind: bytes) -> tuple[tuple[str, ...], bool]:
    """The sentences and questions of the one input, and whether they came with the batch axis.

    Raises:
        MissingTensor, WrongDatatype, WrongShape, MalformedBody
        ServiceError: an element is no string
    """
    if len(inputs) != 1:
        raise errors.MissingTensor(f"inputs should hold {TEXT} alone, got {len(inputs)} tensors")
    tensor = inputs[0]
    told = tensor.parameters or {}
    refuse_unsupported(told, f"{TEXT}.parameters", ("shared_memory_region",))
    if tensor.datatype != DATATYPE:
        raise errors.WrongDatatype(
            f"{TEXT}.datatype should be {DATATYPE}, got '{tensor.datatype:.40}'"
        )
    batched = len(tensor.shape) == 2
    if not tensor.shape or len(tensor.shape) > 2 or (batched and tensor.shape[0] != 1):
        raise errors.WrongShape(f"{TEXT}.shape should be [sentences] or [1, sentences]")
    size = whole(told, "binary_data_size")
    if (size is None) == (tensor.data is None):
        raise errors.MissingTensor(f"{TEXT} should have either data or parameters.binary_data_size")
    if size is None and behind:
        raise errors.MalformedBody(f"{len(behind)} bytes behind the JSON belong to no tensor")
    if size is not None and size != len(behind):
        raise errors.WrongShape(
            f"{TEXT}.binary_data_size says {size}, and {len(behind)} bytes are behind the JSON"
        )
    text = from_lists(tensor.data or []) if size is None else from_bytes(behind)
    if len(text) != math.prod(tensor.shape):
        raise errors.WrongShape(
            f"{TEXT} of shape {tensor.shape} has {math.prod(tensor.shape)!s:.40} elements, "
            f"got {len(text)}"
        )
    return text, batched


def from_lists(data: list[Any] | LongArray) -> tuple[str, ...]:
    """Strings from JSON, flat or in a batch of one.

    Raises:
        ServiceError: an element is no string
    """
    flat = data.to_list() if isinstance(data, LongArray) else data
    if len(flat) == 1 and isinstance(flat[0], list):
        flat = flat[0]
    for element in flat:
        if not isinstance(element, str):
            came = schemas.name_of(element)
            raise errors.ServiceError(f"{TEXT}.data should hold strings, got {came}")
    return tuple(flat)


def from_bytes(data: bytes) -> tuple[str, ...]:
    """Strings from bytes, each with its length before it.

    Raises:
        MalformedBody: a length reaches beyond the end, or a string is not UTF-8
    """
    strings, at = list[str](), 0
    while at < len(data):
        start = at + PREFIX
        at = start + int.from_bytes(data[at:start], "little")
        if start > len(data) or at > len(data):
            raise errors.MalformedBody(f"{TEXT} ends within its string {len(strings)}")
        try:
            strings.append(data[start:at].decode())
        except UnicodeDecodeError:
            raise errors.MalformedBody(f"{TEXT}: string {len(strings)} is not UTF-8") from None
    return tuple(strings)


def to_bytes(strings: Sequence[str]) -> bytes:
    """The same the other way."""
    return join(string.encode() for string in strings)


def join(encoded: Iterable[bytes]) -> bytes:
    """Strings that are bytes already."""
    return b"".join(len(each).to_bytes(PREFIX, "little") + each for each in encoded)


def as_tensor(strings: Sequence[str]) -> Strings:
    """Strings as a tensor [n]."""
    tensor = np.empty(len(strings), np.object_)
    tensor[:] = strings
    return tensor
