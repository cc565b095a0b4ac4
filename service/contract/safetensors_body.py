"""POST /predict as one safetensors file: tensors as they are, all other fields in the metadata."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import orjson
import safetensors
from numpy.typing import NDArray
from pydantic import ValidationError

from ntm.signature import Signature
from service import errors
from service.contract import checks, fields, schemas
from service.contract.checks import Prediction
from service.contract.encodings import FLOATS
from service.contract.schemas import PredictRequest
from service.settings import Settings

Float = NDArray[np.float32]
Tensors = dict[str, Float]

KNOWN = ("sequence", "target")
LARGEST_DIMENSION = 2**31 - 1
REMEMBERED = 1024  # heads that are not looked at again; clients write one in several orders
LONGEST_HEAD, LONGEST_BODY = 2**12, 2**16  # bytes, of those


class Place(NamedTuple):
    """Where a tensor lies in a body, and its shape [T, width]."""

    start: int
    stop: int
    shape: tuple[int, int]


class Head(NamedTuple):
    """What a body says besides the numbers; the sequence of the request is empty."""

    request: PredictRequest
    places: dict[str, Place]


def parse(body: bytes) -> tuple[PredictRequest, Tensors]:
    """From a body to its fields, the sequence left empty, and its tensors.

    Raises:
        MalformedBody: it is no safetensors file
        UnknownTensor, MissingTensor, WrongDatatype, WrongShape: about a tensor
        ServiceError: a field is missing, unknown or of the wrong type
    """
    head = body[: 8 + int.from_bytes(body[:8], "little")]
    if len(head) <= LONGEST_HEAD and len(body) <= LONGEST_BODY:
        request, places = remember(head, len(body) - len(head))
    else:
        request, places = read_head(body, len(head))
    return request, {
        name: np.frombuffer(body[start:stop], FLOATS).reshape(shape)
        for name, (start, stop, shape) in places.items()
    }


@lru_cache(REMEMBERED)
def remember(head: bytes, rest: int) -> Head:
    """What a head says with so many bytes behind it, whatever they are.

    Requests of one client differ in their numbers, so that most heads have come before.

    Raises:
        ServiceError: as `parse`
    """
    return read_head(head + bytes(rest), len(head))


def read_head(body: bytes, size: int) -> Head:
    """What the head of a body says: its length, and a JSON object up to `size`.

    Raises:
        ServiceError: as `parse`
    """
    try:
        entries = safetensors.deserialize(body)  # type: ignore[no-untyped-call]
        told = orjson.loads(body[8:size])
    except (safetensors.SafetensorError, orjson.JSONDecodeError) as error:
        raise errors.MalformedBody(f"the body is not safetensors: {error!s:.100}") from None
    places = {
        name: place_of(name, entry, size + told[name]["data_offsets"][0]) for name, entry in entries
    }
    if "sequence" not in places:
        raise errors.MissingTensor("tensor sequence is missing")
    metadata: dict[str, str] = told.get("__metadata__", {})
    fields = {name: read_field(name, text) for name, text in metadata.items()}
    for name in KNOWN:
        if name in fields:
            raise errors.UnknownField(f"{name} should be a tensor, not a field of the metadata")
    try:
        request = PredictRequest.model_validate({**fields, "sequence": []})
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        raise schemas.explain(problem) from None
    return Head(request, places)


def place_of(name: str, entry: Any, start: int) -> Place:
    """Where one tensor lies.

    Raises:
        UnknownTensor, WrongDatatype, WrongShape
    """
    if name not in KNOWN:
        raise errors.UnknownTensor(
            f"unknown tensor '{name:.40}', expected one of {', '.join(KNOWN)}"
        )
    if entry["dtype"] != "F32":
        raise errors.WrongDatatype(f"tensor {name} should be F32, got {entry['dtype']}")
    if len(entry["shape"]) != 2:
        raise errors.WrongShape(
            f"tensor {name} should have 2 dimensions, steps and width, got {len(entry['shape'])}"
        )
    steps, width = entry["shape"]
    if max(steps, width) > LARGEST_DIMENSION:  # which another one of 0 lets through
        raise errors.WrongShape(
            f"tensor {name} should have at most {LARGEST_DIMENSION} steps and numbers a step, "
            f"got shape {entry['shape']}"
        )
    return Place(start, start + FLOATS.itemsize * steps * width, (steps, width))


def read_field(name: str, text: str) -> Any:
    """A field of the metadata: text, a comma list, or a number or truth value as in JSON."""
    if name == "include":
        return [part.strip() for part in text.split(",") if part.strip()]
    if name == "model":
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def check(
    request: PredictRequest, tensors: Tensors, signature: Signature, settings: Settings
) -> Prediction:
    """Check fields and tensors against the model they are for.

    Raises:
        ServiceError: one that says which field, what was expected and what came
    """
    sequence = checks.check_sequence(
        "sequence", tensors["sequence"], signature.input_size, settings
    )
    target = tensors.get("target")
    if target is not None:
        check_target(target, (len(sequence), signature.output_size))
    fields.check(signature, request.include)
    slots = checks.check_slots(request.memory_slots, signature, settings)
    checks.check_length(len(sequence), slots, signature)
    prediction = Prediction(sequence, target, slots)
    return checks.intervene(prediction, request.interventions, signature)


def check_target(target: Float, shape: tuple[int, int]) -> None:
    """A target that fits: NaN where it does not matter, finite elsewhere.

    Raises:
        WrongTarget, NotFinite
    """
    if target.shape != shape:
        raise errors.WrongTarget(
            f"target should have shape {list(shape)}, got {list(target.shape)}"
        )
    checks.narrow("target", target, gaps=True)
