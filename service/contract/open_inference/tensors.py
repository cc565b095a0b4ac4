"""The input tensor of a request: flat or nested JSON, or little-endian bytes behind the JSON."""

import math
from itertools import chain
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, WrapValidator

from service import errors
from service.contract import checks, number_rows, schemas
from service.contract.long_arrays import LongArray
from service.contract.open_inference.parameters import Parameters, refuse_unsupported, whole

Float = NDArray[np.float32]
Text = Annotated[str, Field(strict=True)]
Dimension = Annotated[int, Field(strict=True, ge=0)]

INPUT = "sequence"
DATATYPE = "FP32"
ITEM = 4  # bytes
LARGEST_DIMENSION = 2**31 - 1  # no array is as large, and NumPy takes no shapes of more than 2**63


class InputTensor(BaseModel):
    """A tensor of a request, its numbers in `data` or behind the JSON."""

    name: Text = Field(description="sequence; text for models with a vocabulary")
    shape: Annotated[list[Dimension], schemas.First()] = Field(
        description="[T, input_size] or [B, T, input_size]; [sentences] of text"
    )
    datatype: Text = Field(description="FP32; BYTES of text")
    parameters: Parameters | None = Field(
        default=None, description="binary_data_size: bytes of this tensor behind the JSON"
    )
    data: Annotated[list[Any], WrapValidator(schemas.or_array)] | None = Field(
        default=None, description="row-major, flat or nested"
    )


def read_sequence(inputs: list[InputTensor], behind: bytes) -> Float:
    """The one input, [T, I] or [B, T, I].

    Raises:
        UnknownTensor, MissingTensor, WrongDatatype, WrongShape, MalformedBody, NotFinite
    """
    for tensor in inputs:
        if tensor.name != INPUT:
            raise errors.UnknownTensor(
                f"unknown input '{tensor.name:.40}', the one input is {INPUT}"
            )
    if len(inputs) != 1:
        raise errors.MissingTensor(f"inputs should hold {INPUT} once, got it {len(inputs)} times")
    tensor = inputs[0]
    told = tensor.parameters or {}
    refuse_unsupported(told, f"{INPUT}.parameters", ("shared_memory_region",))
    if tensor.datatype != DATATYPE:
        raise errors.WrongDatatype(
            f"{INPUT}.datatype should be {DATATYPE}, got '{tensor.datatype:.40}'"
        )
    if len(tensor.shape) not in (2, 3):
        raise errors.WrongShape(
            f"{INPUT}.shape should be [T, I] or [B, T, I], got {len(tensor.shape)} dimensions"
        )
    if max(tensor.shape) > LARGEST_DIMENSION:  # which one of 0 would let through
        raise errors.WrongShape(
            f"{INPUT}.shape should hold at most {LARGEST_DIMENSION}, got {max(tensor.shape)!s:.40}"
        )
    size = whole(told, "binary_data_size")
    if (size is None) == (tensor.data is None):
        raise errors.MissingTensor(
            f"{INPUT} should have either data or parameters.binary_data_size"
        )
    if size is None:
        if behind:
            raise errors.MalformedBody(f"{len(behind)} bytes behind the JSON belong to no tensor")
        data: list[Any] | LongArray = tensor.data or []
        if isinstance(data, LongArray):
            return from_text(data, tensor.shape)
        return from_lists(data, tensor.shape)
    return from_bytes(behind, size, tensor.shape)


def from_bytes(behind: bytes, size: int, shape: list[int]) -> Float:
    """A tensor from the bytes behind the JSON.

    Raises:
        WrongShape: shape, announced size and bytes do not agree
    """
    expected = ITEM * math.prod(shape)
    if size != expected or len(behind) != expected:
        raise errors.WrongShape(
            f"{INPUT} of shape {shape} has {expected} bytes; binary_data_size says {size}, "
            f"and {len(behind)} bytes are behind the JSON"
        )
    return np.frombuffer(behind, "<f4").reshape(shape).astype(np.float32)


def from_lists(data: list[Any], shape: list[int], first: int = 0) -> Float:
    """A tensor from JSON, flat or nested as its shape is; its first row is number `first`.

    Raises:
        WrongShape: it holds another number of elements, or is nested in another way
        ServiceError: an element is no number
        NotFinite: one is too large for float32
    """
    flat = data
    if data and isinstance(data[0], list):
        nested = len(data) == shape[0]
        for size in shape[1:]:
            nested = nested and all(isinstance(row, list) and len(row) == size for row in flat)
            if not nested:
                raise errors.WrongShape(
                    f"{INPUT}.data should be flat or nested as its shape {shape}"
                )
            flat = list(chain.from_iterable(flat))
    if len(flat) != math.prod(shape):
        raise errors.WrongShape(
            f"{INPUT} of shape {shape} has {math.prod(shape)} elements, got {len(flat)}"
        )
    odd = number_rows.first_odd(flat)
    if odd is not None:
        came = schemas.name_of(flat[odd])
        raise errors.ServiceError(f"{INPUT}.data should hold numbers, got {came}")
    return checks.narrow(INPUT, np.array(flat, dtype=np.float64).reshape(shape), first=first)


def from_text(data: LongArray, shape: list[int]) -> Float:
    """A tensor from a long array, flat or nested as its shape is.

    Raises:
        WrongShape, ServiceError, NotFinite: as `from_lists`
    """
    if not data.is_nested:
        if len(data) != math.prod(shape):
            raise errors.WrongShape(
                f"{INPUT} of shape {shape} has {math.prod(shape)} elements, got {len(data)}"
            )
        parts = [from_lists(piece, [len(piece)], first) for first, piece in data.pieces()]
    elif len(data) != shape[0] or len(shape) == 1:
        raise errors.WrongShape(f"{INPUT}.data should be flat or nested as its shape {shape}")
    else:
        inner = shape[1:]
        parts = [
            from_text(part, inner)
            if isinstance(part, LongArray)
            else from_lists(part, [len(part), *inner], first)
            for first, piece in data.pieces()
            for part in ([piece[0]] if isinstance(piece[0], LongArray) else [piece])
        ]
    return np.concatenate(parts).reshape(shape)
