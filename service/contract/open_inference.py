"""The Open Inference Protocol v2: infer requests from bytes, infer answers to bytes. No HTTP here.

A body is JSON, or JSON followed by little-endian tensors (the binary tensor extension), in which
case a header says how long the JSON is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError, WrapValidator

from ntm.signature import Signature
from service import errors
from service.contract import checks, number_rows, schemas
from service.contract.encodings import nested
from service.contract.long_arrays import LongArray

Float = NDArray[np.float32]

HEADER = "Inference-Header-Content-Length"
INPUT = "sequence"
OUTPUTS = ("outputs", "read_weightings", "write_weightings")
DATATYPE = "FP32"
ITEM = 4  # bytes
MOST_TENSORS = 16  # in a list of them; one input is known, and three outputs

Text = Annotated[str, Field(strict=True)]
LARGEST_DIMENSION = 2**31 - 1  # no array is as large, and NumPy takes no shapes of more than 2**63
Dimension = Annotated[int, Field(strict=True, ge=0)]
Parameters = dict[str, Any]


class InputTensor(BaseModel):
    """A tensor of a request, its numbers in `data` or behind the JSON."""

    name: Text = Field(description="sequence")
    shape: Annotated[list[Dimension], schemas.First()] = Field(
        description="[T, input_size] or [B, T, input_size]"
    )
    datatype: Text = Field(description="FP32")
    parameters: Parameters | None = Field(
        default=None, description="binary_data_size: bytes of this tensor behind the JSON"
    )
    data: Annotated[list[Any], WrapValidator(schemas.or_array)] | None = Field(
        default=None, description="row-major, flat or nested"
    )


class RequestedOutput(BaseModel):
    """A tensor that the answer should hold."""

    name: Text = Field(description="outputs, read_weightings or write_weightings")
    parameters: Parameters | None = Field(
        default=None, description="binary_data: true for bytes behind the JSON"
    )


class InferBody(BaseModel):
    """The body of POST /v2/models/{model}/infer; unknown fields and parameters are ignored."""

    id: Text | None = Field(default=None, description="given back in the answer")
    parameters: Parameters | None = Field(
        default=None,
        description="memory_slots (integer), record (false keeps no trace), timeout "
        "(microseconds), binary_data_output (what outputs without binary_data do)",
    )
    inputs: Annotated[list[InputTensor], schemas.First()]
    outputs: Annotated[list[RequestedOutput], schemas.First()] | None = Field(
        default=None, description="all by default"
    )


@dataclass(frozen=True)
class Wanted:
    """An output to answer with."""

    name: str
    binary: bool


@dataclass(frozen=True)
class InferRequest:
    """A request of the right shape, not yet checked against a model."""

    id: str | None
    sequences: Float  # [B, T, I]
    batched: bool  # it came with the batch axis, and so goes the answer
    wanted: tuple[Wanted, ...]
    memory_slots: int | None
    record: bool
    timeout: float | None  # seconds


def parse(body: bytes, header: str | None, width: int) -> InferRequest:
    """An infer request from its bytes.

    Args:
        body: JSON and the tensors behind it
        header: the value of Inference-Header-Content-Length; "0" is a raw tensor without JSON
        width: I of the model, which a raw tensor is cut by
    Raises:
        MalformedBody: it is not JSON, or the header does not fit it
        ServiceError: what is wrong, with the name of the field
    """
    length = json_length(header, len(body))
    if length == 0 and header is not None:
        return parse_raw(body, width)
    told = read_json(body[:length])
    asked = told.parameters or {}
    refuse_unsupported(asked, "parameters", ("sequence_id",))
    sequence = read_sequence(told.inputs, body[length:])
    return InferRequest(
        id=told.id,
        sequences=sequence if sequence.ndim == 3 else sequence[None],
        batched=sequence.ndim == 3,
        wanted=read_wanted(told.outputs or [], flag(asked, "binary_data_output", False)),
        memory_slots=whole(asked, "memory_slots"),
        record=flag(asked, "record", True),
        timeout=read_timeout(asked),
    )


def parse_raw(body: bytes, width: int) -> InferRequest:
    """A tensor [T, I] with no JSON before it; all outputs come back as bytes.

    Raises:
        WrongShape: its bytes are no whole number of steps
    """
    if len(body) % (ITEM * width):
        raise errors.WrongShape(
            f"a raw sequence should have {ITEM * width} bytes a step, got {len(body)} bytes"
        )
    sequence = np.frombuffer(body, "<f4").reshape(1, -1, width).astype(np.float32)
    wanted = tuple(Wanted(name, True) for name in OUTPUTS)
    return InferRequest(None, sequence, False, wanted, None, True, None)


def json_length(header: str | None, size: int) -> int:
    """How many bytes of a body are JSON.

    Raises:
        MalformedBody: the header is no such number
    """
    if header is None:
        return size
    if not (header.isascii() and header.isdecimal() and len(header) < 19 and int(header) <= size):
        raise errors.MalformedBody(
            f"{HEADER} should be from 0 to the body's {size} bytes, got '{header:.40}'"
        )
    return int(header)


def read_json(text: bytes) -> InferBody:
    """The JSON part.

    Raises:
        MalformedBody: it is not a JSON object
        ServiceError: a field is missing or of the wrong type
    """
    told = schemas.load_any(text)
    for name in ("inputs", "outputs"):
        if isinstance(items := told.get(name), LongArray):
            if len(items) > MOST_TENSORS:
                raise errors.WrongShape(
                    f"{name} should be at most {MOST_TENSORS} tensors, got {len(items)}"
                )
            told = {**told, name: [tensor for _, piece in items.pieces() for tensor in piece]}
    try:
        return InferBody.model_validate(told)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        raise schemas.explain(problem) from None


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


def read_wanted(outputs: list[RequestedOutput], binary: bool) -> tuple[Wanted, ...]:
    """What to answer with; everything if nothing is named.

    Raises:
        UnknownTensor: a name is none of ours, or comes twice
    """
    wanted: dict[str, Wanted] = {}
    for output in outputs:
        told = output.parameters or {}
        refuse_unsupported(
            told, f"{output.name:.40}.parameters", ("shared_memory_region", "classification")
        )
        if output.name not in OUTPUTS or output.name in wanted:
            raise errors.UnknownTensor(
                f"outputs should name each of {', '.join(OUTPUTS)} at most once, "
                f"got '{output.name:.40}'"
            )
        wanted[output.name] = Wanted(output.name, flag(told, "binary_data", binary))
    return tuple(wanted.values()) or tuple(Wanted(name, binary) for name in OUTPUTS)


def read_timeout(parameters: Parameters) -> float | None:
    """Seconds from the parameter `timeout`, which is in microseconds; 0 is none."""
    microseconds = whole(parameters, "timeout")
    return microseconds / 1e6 if microseconds else None


def flag(parameters: Parameters, name: str, default: bool) -> bool:
    """A parameter that is true or false.

    Raises:
        ServiceError: it is something else
    """
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise errors.ServiceError(
            f"parameters.{name} should be true or false, got {schemas.name_of(value)}"
        )
    return value


def whole(parameters: Parameters, name: str) -> int | None:
    """A parameter that is a whole number of at least 0.

    Raises:
        ServiceError: it is something else
    """
    value = parameters.get(name)
    if value is None:
        return None
    if type(value) is not int or value < 0:
        raise errors.ServiceError(
            f"parameters.{name} should be a whole number, got {schemas.name_of(value)}"
        )
    return value


def refuse_unsupported(parameters: Parameters, where: str, names: Sequence[str]) -> None:
    """Say no to extensions that would change the answer if they were ignored.

    Raises:
        UnsupportedParameter: one of `names` is there
    """
    for name in names:
        if name in parameters:
            raise errors.UnsupportedParameter(f"{where}.{name} is not supported")


def encode(
    facts: dict[str, Any], wanted: Sequence[Wanted], tensors: dict[str, Float]
) -> tuple[bytes, int | None]:
    """An infer answer.

    Args:
        facts: the answer without its outputs
        wanted: which tensors, and how
        tensors: by name
    Returns:
        the body, and the length of its JSON part if bytes follow it
    """
    outputs, behind = [], []
    for output in wanted:
        tensor = np.ascontiguousarray(tensors[output.name], dtype="<f4")
        told = {"name": output.name, "datatype": DATATYPE, "shape": list(tensor.shape)}
        if output.binary:
            outputs.append({**told, "parameters": {"binary_data_size": tensor.nbytes}})
            behind.append(tensor.tobytes())
        else:
            outputs.append({**told, "data": nested(tensor.ravel())})
    text = orjson.dumps({**facts, "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    return (b"".join([text, *behind]), len(text)) if behind else (text, None)


def model_metadata(
    name: str, versions: list[int], platform: str, signature: Signature
) -> dict[str, Any]:
    """What GET /v2/models/{model} tells: shapes with the batch axis, -1 where they vary."""
    return {
        "name": name,
        "versions": [str(version) for version in versions],
        "platform": platform,
        "inputs": [{"name": INPUT, "datatype": DATATYPE, "shape": [-1, -1, signature.input_size]}],
        "outputs": [
            {"name": output, "datatype": DATATYPE, "shape": [-1, *shape]}
            for output, shape in output_shapes(signature).items()
        ],
    }


def model_config(
    name: str, platform: str, backend: str, max_batch: int, signature: Signature
) -> dict[str, Any]:
    """What GET /v2/models/{model}/config tells: Triton's shape, dims without the batch axis."""
    return {
        "name": name,
        "platform": platform,
        "backend": backend,
        "max_batch_size": max_batch,
        "input": [
            {"name": INPUT, "data_type": f"TYPE_{DATATYPE}", "dims": [-1, signature.input_size]}
        ],
        "output": [
            {"name": output, "data_type": f"TYPE_{DATATYPE}", "dims": shape}
            for output, shape in output_shapes(signature).items()
        ],
        "dynamic_batching": {},
        "parameters": {"memory_slots": {"string_value": str(signature.memory_slots)}},
    }


def output_shapes(signature: Signature) -> dict[str, list[int]]:
    """Shapes of the outputs of one sequence; T and N vary."""
    return {
        "outputs": [-1, signature.output_size],
        "read_weightings": [-1, signature.read_heads, -1],
        "write_weightings": [-1, signature.write_heads, -1],
    }
