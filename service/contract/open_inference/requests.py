"""An infer request from its bytes: JSON, or JSON followed by tensors (the binary tensor extension).

Of the latter a header says how long the JSON is.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from ntm.signature import Signature
from service import errors
from service.contract import schemas
from service.contract.long_arrays import LongArray
from service.contract.open_inference.parameters import (
    Parameters,
    flag,
    read_timeout,
    refuse_unsupported,
    whole,
)
from service.contract.open_inference.tensors import (
    INPUT,
    ITEM,
    LENGTHS,
    Float,
    InputTensor,
    Text,
    read_inputs,
)
from service.contract.open_inference.texts import ANSWER, has_text, read_text

HEADER = "Inference-Header-Content-Length"
MOST_TENSORS = 16  # in a list of them; two inputs are known, and a few outputs
LONGEST_ID = 128  # characters of a sequence's


class RequestedOutput(BaseModel):
    """A tensor that the answer should hold."""

    name: Text = Field(description="outputs, or weightings: one that the model's metadata lists")
    parameters: Parameters | None = Field(
        default=None, description="binary_data: true for bytes behind the JSON"
    )


class InferBody(BaseModel):
    """The body of POST /v2/models/{model}/infer; unknown fields and parameters are ignored."""

    id: Text | None = Field(default=None, description="given back in the answer")
    parameters: Parameters | None = Field(
        default=None,
        description="memory_slots (integer), record (false keeps no trace), timeout "
        "(microseconds), binary_data_output (what outputs without binary_data do); for a part of a "
        "longer sequence sequence_id (integer or text), sequence_start, sequence_end, position",
    )
    inputs: Annotated[list[InputTensor], schemas.First()]
    outputs: Annotated[list[RequestedOutput], schemas.First()] | None = Field(
        default=None, description="all by default"
    )


class Wanted(NamedTuple):
    """An output to answer with."""

    name: str
    binary: bool


class Part(NamedTuple):
    """A request as a part of a longer sequence, in the words of Triton's sequence extension."""

    sequence_id: int | str
    start: bool  # forget what came before under this id
    end: bool  # forget the sequence when this part is answered
    position: int | None  # the step that it begins with, which makes it safe to send again


class InferRequest(NamedTuple):
    """A request of the right shape, not yet checked against a model."""

    id: str | None
    sequences: Float  # [B, T, I]
    batched: bool  # it came with the batch axis, and so goes the answer
    wanted: tuple[Wanted, ...]
    memory_slots: int | None
    record: bool
    timeout: float | None  # seconds
    text: tuple[str, ...] | None = None  # in place of sequences, which are yet to be made of it
    lengths: tuple[int, ...] | None = None  # steps that count, where rows end early
    part: Part | None = None


def parse(
    body: bytes, header: str | None, signature: Signature, *, speaks: bool = False
) -> InferRequest:
    """An infer request from its bytes.

    Args:
        body: JSON and the tensors behind it
        header: the value of Inference-Header-Content-Length; "0" is a raw tensor without JSON
        signature: of the model
        speaks: whether it has a vocabulary, and takes text
    Raises:
        MalformedBody: it is not JSON, or the header does not fit it
        ServiceError: what is wrong, with the name of the field
    """
    length = json_length(header, len(body))
    if length == 0 and header is not None:
        return parse_raw(body, signature)
    told = read_json(body[:length])
    return interpret(told, body[length:], signature, speaks=speaks)


def interpret(
    told: InferBody, behind: bytes, signature: Signature, *, speaks: bool
) -> InferRequest:
    """An infer request from its fields, and the bytes of the tensors that are not among them.

    Raises:
        ServiceError: what is wrong, with the name of the field
    """
    asked = told.parameters or {}
    text, lengths, known = None, None, outputs_of(signature)
    if speaks and has_text(told.inputs):
        refuse_unsupported(asked, "parameters", ("sequence_id",))
        text, batched = read_text(told.inputs, behind)
        sequence, known = np.zeros((1, 0, signature.input_size), np.float32), (ANSWER, *known)
    else:
        sequence, lengths = read_inputs(told.inputs, behind)
        batched = sequence.ndim == 3
    sequences = sequence if sequence.ndim == 3 else sequence[None]
    return InferRequest(
        id=told.id,
        sequences=sequences,
        batched=batched,
        wanted=read_wanted(told.outputs or [], flag(asked, "binary_data_output", False), known),
        memory_slots=whole(asked, "memory_slots"),
        record=flag(asked, "record", True),
        timeout=read_timeout(asked),
        text=text,
        lengths=None if lengths is None else read_lengths(lengths, sequences),
        part=read_part(asked),
    )


def read_lengths(lengths: NDArray[np.int64], sequences: Float) -> tuple[int, ...]:
    """How many steps of each row count.

    Raises:
        WrongShape: there is not one for each row, or a row does not have so many
    """
    batch, steps = sequences.shape[:2]
    if lengths.size != batch:
        raise errors.WrongShape(
            f"{LENGTHS} should hold one number for each of {batch} sequences, got {lengths.size}"
        )
    for row, length in enumerate(lengths.ravel().tolist()):
        if not 1 <= length <= steps:
            raise errors.WrongShape(
                f"{LENGTHS}[{row}] should be from 1 to {steps}, the steps of {INPUT}, got {length}"
            )
    return tuple(lengths.ravel().tolist())


def read_part(parameters: Parameters) -> Part | None:
    """Which part of which longer sequence a request is; None for a request of its own.

    Raises:
        ServiceError: a parameter is of another type, or comes without `sequence_id`
    """
    sequence_id = parameters.get("sequence_id")
    start, end = (flag(parameters, f"sequence_{side}", False) for side in ("start", "end"))
    position = whole(parameters, "position")
    if sequence_id in (None, 0, "") and not isinstance(sequence_id, bool):
        if start or end or position is not None:
            raise errors.ServiceError(
                "parameters.sequence_start, sequence_end and position need a sequence_id"
            )
        return None
    if isinstance(sequence_id, str) and len(sequence_id) <= LONGEST_ID:
        return Part(sequence_id, start, end, position)
    if type(sequence_id) is int and sequence_id > 0:
        return Part(sequence_id, start, end, position)
    raise errors.ServiceError(
        f"parameters.sequence_id should be a whole number or text of at most {LONGEST_ID} "
        f"characters, got {schemas.name_of(sequence_id)}"
    )


def parse_raw(body: bytes, signature: Signature) -> InferRequest:
    """A tensor [T, I] with no JSON before it, cut by the model's I; all outputs are bytes.

    Raises:
        WrongShape: its bytes are no whole number of steps
    """
    width = signature.input_size
    if len(body) % (ITEM * width):
        raise errors.WrongShape(
            f"a raw sequence should have {ITEM * width} bytes a step, got {len(body)} bytes"
        )
    sequence = np.frombuffer(body, "<f4").reshape(1, -1, width).astype(np.float32)
    wanted = tuple(Wanted(name, True) for name in outputs_of(signature))
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
    return body_of(told)


def body_of(told: dict[str, Any]) -> InferBody:
    """The fields of a request, each of its type.

    Raises:
        ServiceError: a field is missing or of the wrong type
    """
    try:
        return InferBody.model_validate(told)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        raise schemas.explain(problem) from None


def read_wanted(
    outputs: list[RequestedOutput], binary: bool, known: tuple[str, ...]
) -> tuple[Wanted, ...]:
    """What to answer with, of the outputs that are known; everything if nothing is named.

    Raises:
        UnknownTensor: a name is none of ours, or comes twice
    """
    wanted: dict[str, Wanted] = {}
    for output in outputs:
        told = output.parameters or {}
        refuse_unsupported(
            told, f"{output.name:.40}.parameters", ("shared_memory_region", "classification")
        )
        if output.name not in known or output.name in wanted:
            raise errors.UnknownTensor(
                f"outputs should name each of {', '.join(known)} at most once, "
                f"got '{output.name:.40}'"
            )
        wanted[output.name] = Wanted(output.name, flag(told, "binary_data", binary))
    return tuple(wanted.values()) or tuple(Wanted(name, binary) for name in known)


def outputs_of(signature: Signature) -> tuple[str, ...]:
    """The outputs that a model has: `outputs`, and the weightings of its heads."""
    return "outputs", *signature.sides
