"""The input tensors of a request: flat or nested JSON, or little-endian bytes behind the JSON."""

import math
from itertools import chain
from typing import Annotated, Any, NamedTuple

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

INPUT, LENGTHS = "sequence", "lengths"
DATATYPE = "FP32"  # computed with, and answered
ITEM = 4  # bytes
DATATYPES = {  # taken, and how their bytes are
    "BOOL": "?",
    **{f"UINT{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    **{f"INT{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}
WHOLE = dict.fromkeys(name for name in DATATYPES if "INT" in name).keys()  # of whole numbers
LARGEST_DIMENSION = 2**31 - 1  # no array is as large, and NumPy takes no shapes of more than 2**63


class InputTensor(BaseModel):
    """A tensor of a request, its numbers in `data` or behind the JSON."""

    name: Text = Field(
        description="sequence, and perhaps lengths; text for models with a vocabulary"
    )
    shape: Annotated[list[Dimension], schemas.First()] = Field(
        description="[T, input_size] or [B, T, input_size]; of lengths [B]; [sentences] of text"
    )
    datatype: Text = Field(
        description="FP32, or another number or BOOL, which is converted to it; of lengths an "
        "integer; BYTES of text"
    )
    parameters: Parameters | None = Field(
        default=None, description="binary_data_size: bytes of this tensor behind the JSON"
    )
    data: Annotated[list[Any], WrapValidator(schemas.or_array)] | None = Field(
        default=None, description="row-major, flat or nested"
    )


class Inputs(NamedTuple):
    """The tensors of a request."""

    sequence: Float  # [T, I] or [B, T, I]
    lengths: NDArray[np.int64] | None  # [B], the steps of each row that count


def read_inputs(inputs: list[InputTensor], behind: bytes) -> Inputs:
    """The tensors of a request, the bytes of binary ones in the order of the list.

    Raises:
        UnknownTensor, MissingTensor, WrongDatatype, WrongShape, MalformedBody, NotFinite
    """
    for tensor in inputs:
        if tensor.name not in (INPUT, LENGTHS):
            raise errors.UnknownTensor(
                f"unknown input '{tensor.name:.40}', expected {INPUT} and perhaps {LENGTHS}"
            )
    names = [tensor.name for tensor in inputs]
    if names.count(INPUT) != 1 or len(names) != len(set(names)):
        raise errors.MissingTensor(
            f"inputs should hold {INPUT} once, and {LENGTHS} at most once, got "
            f"{', '.join(names[:5]) or 'none'}"
        )
    sizes = [size_of(tensor) for tensor in inputs]
    binary = [place for place, size in enumerate(sizes) if size is not None]
    if behind and not binary:
        raise errors.MalformedBody(f"{len(behind)} bytes behind the JSON belong to no tensor")
    found: dict[str, NDArray[Any]] = {}
    start = 0
    for place, (tensor, size) in enumerate(zip(inputs, sizes, strict=True)):
        if size is None:
            found[tensor.name] = from_json(tensor)
            continue
        stop = len(behind) if place == binary[-1] else start + size
        found[tensor.name] = from_bytes(tensor, size, behind[start:stop])
        start = stop
    return Inputs(as_float32(found[INPUT]), found.get(LENGTHS))


def size_of(tensor: InputTensor) -> int | None:
    """The bytes of a tensor behind the JSON; None where its numbers are in `data`.

    Raises:
        UnsupportedParameter, WrongDatatype, WrongShape
        MissingTensor: they are nowhere, or at both places
    """
    name, parameters = tensor.name, tensor.parameters or {}
    refuse_unsupported(parameters, f"{name}.parameters", ("shared_memory_region",))
    is_lengths = name == LENGTHS
    known = WHOLE if is_lengths else DATATYPES.keys()
    if tensor.datatype not in known:
        raise errors.WrongDatatype(
            f"{name}.datatype should be one of {', '.join(known)}, got '{tensor.datatype:.40}'"
        )
    if len(tensor.shape) not in ((1, 2) if is_lengths else (2, 3)):
        raise errors.WrongShape(
            f"{name}.shape should be {'[B] or [B, 1]' if is_lengths else '[T, I] or [B, T, I]'}, "
            f"got {len(tensor.shape)} dimensions"
        )
    if max(tensor.shape) > LARGEST_DIMENSION:  # which one of 0 would let through
        raise errors.WrongShape(
            f"{name}.shape should hold at most {LARGEST_DIMENSION}, got {max(tensor.shape)!s:.40}"
        )
    size = whole(parameters, "binary_data_size")
    if (size is None) == (tensor.data is None):
        raise errors.MissingTensor(f"{name} should have either data or parameters.binary_data_size")
    return size


def as_float32(sequence: NDArray[Any]) -> Float:
    """Numbers of any type as float32.

    Raises:
        NotFinite: one is too large for it
    """
    if sequence.dtype == np.float64:
        return checks.narrow(INPUT, sequence)
    return sequence.astype(np.float32)


def from_bytes(tensor: InputTensor, size: int, behind: bytes) -> NDArray[Any]:
    """A tensor from its bytes, of which its request says that they are `size`.

    Raises:
        WrongShape: shape, announced size and bytes do not agree
    """
    kind, shape = np.dtype(DATATYPES[tensor.datatype]), tensor.shape
    expected = kind.itemsize * math.prod(shape)
    if size != expected or len(behind) != expected:
        raise errors.WrongShape(
            f"{tensor.name} of shape {shape} and datatype {tensor.datatype} has {expected} bytes; "
            f"binary_data_size says {size}, and {len(behind)} bytes are behind the JSON"
        )
    if tensor.datatype == "BOOL":  # whichever bit of a byte says so
        return np.frombuffer(behind, np.uint8).reshape(shape).astype(np.bool_)
    return np.frombuffer(behind, kind).reshape(shape)


def from_json(tensor: InputTensor) -> NDArray[Any]:
    """A tensor from its `data`.

    Raises:
        WrongShape, ServiceError, NotFinite: as `from_lists`
    """
    data = tensor.data or []
    if isinstance(data, LongArray):
        return from_text(tensor, data, tensor.shape)
    return from_lists(tensor, data, tensor.shape)


def from_lists(
    tensor: InputTensor, data: list[Any], shape: list[int], first: int = 0
) -> NDArray[Any]:
    """Rows of a tensor from JSON, flat or nested as their shape is; the first is number `first`.

    Raises:
        WrongShape: they hold another number of elements, or are nested in another way
        ServiceError: an element is not of the tensor's datatype
        NotFinite: one is too large for float32
    """
    name, flat = tensor.name, data
    if data and isinstance(data[0], list):
        nested = len(data) == shape[0]
        for size in shape[1:]:
            nested = nested and all(isinstance(row, list) and len(row) == size for row in flat)
            if not nested:
                raise errors.WrongShape(
                    f"{name}.data should be flat or nested as its shape {shape}"
                )
            flat = list(chain.from_iterable(flat))
    if len(flat) != math.prod(shape):
        raise errors.WrongShape(
            f"{name} of shape {shape} has {math.prod(shape)} elements, got {len(flat)}"
        )
    kind = np.dtype(DATATYPES[tensor.datatype])
    if kind.kind == "f":
        odd = number_rows.first_odd(flat)
        if odd is not None:
            raise errors.ServiceError(
                f"{name}.data should hold numbers, got {schemas.name_of(flat[odd])}"
            )
        return checks.narrow(name, np.array(flat, dtype=np.float64).reshape(shape), first=first)
    wrong = next((value for value in flat if not fits(value, kind)), None)
    if wrong is not None or None in flat:
        raise errors.ServiceError(
            f"{name}.data of datatype {tensor.datatype} should hold {words_for(kind)}, "
            f"got {str(wrong).lower() if isinstance(wrong, int) else schemas.name_of(wrong):.40}"
        )
    return np.array(flat, kind).reshape(shape)


def fits(value: object, kind: np.dtype[Any]) -> bool:
    """Whether JSON's value is a truth value, or an integer of a type."""
    if kind.kind == "b":
        return isinstance(value, bool)
    limits = np.iinfo(kind)
    return type(value) is int and limits.min <= value <= limits.max


def words_for(kind: np.dtype[Any]) -> str:
    """What a tensor of a type holds."""
    if kind.kind == "b":
        return "true and false"
    limits = np.iinfo(kind)
    return f"whole numbers from {limits.min} to {limits.max}"


def from_text(tensor: InputTensor, data: LongArray, shape: list[int]) -> NDArray[Any]:
    """Rows of a tensor from a long array, flat or nested as their shape is.

    Raises:
        WrongShape, ServiceError, NotFinite: as `from_lists`
    """
    if not data.is_nested:
        if len(data) != math.prod(shape):
            raise errors.WrongShape(
                f"{tensor.name} of shape {shape} has {math.prod(shape)} elements, got {len(data)}"
            )
        parts = [from_lists(tensor, piece, [len(piece)], first) for first, piece in data.pieces()]
    elif len(data) != shape[0] or len(shape) == 1:
        raise errors.WrongShape(f"{tensor.name}.data should be flat or nested as its shape {shape}")
    else:
        inner = shape[1:]
        parts = [
            from_text(tensor, part, inner)
            if isinstance(part, LongArray)
            else from_lists(tensor, part, [len(part), *inner], first)
            for first, piece in data.pieces()
            for part in ([piece[0]] if isinstance(piece[0], LongArray) else [piece])
        ]
    return np.concatenate(parts).reshape(shape)
