"""POST /predict as one safetensors file: tensors as they are, all other fields in the metadata."""

from typing import Any

import numpy as np
import orjson
import safetensors
from numpy.typing import NDArray
from pydantic import ValidationError

from ntm.signature import Signature
from service import errors, schemas
from service.schemas import Prediction, PredictRequest
from service.settings import Settings

Float = NDArray[np.float32]
Tensors = dict[str, Float]

KNOWN = ("sequence", "target")


def parse(body: bytes) -> tuple[PredictRequest, Tensors]:
    """From a body to its fields, the sequence left empty, and its tensors.

    Raises:
        MalformedBody: it is no safetensors file
        UnknownTensor, MissingTensor, WrongDatatype, WrongShape: about a tensor
        ServiceError: a field is missing, unknown or of the wrong type
    """
    try:
        entries = safetensors.deserialize(body)  # type: ignore[no-untyped-call]
        metadata = read_metadata(body)
    except (safetensors.SafetensorError, orjson.JSONDecodeError) as error:
        raise errors.MalformedBody(f"the body is not safetensors: {error!s:.100}") from None
    tensors = {name: read_tensor(name, entry) for name, entry in entries}
    if "sequence" not in tensors:
        raise errors.MissingTensor("tensor sequence is missing")
    fields = {name: read_field(name, text) for name, text in metadata.items()}
    for name in KNOWN:
        if name in fields:
            raise errors.UnknownField(f"{name} should be a tensor, not a field of the metadata")
    try:
        return PredictRequest.model_validate({**fields, "sequence": []}), tensors
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        raise schemas.explain(problem) from None


def read_tensor(name: str, entry: Any) -> Float:
    """One tensor, [T, width].

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
    return np.frombuffer(entry["data"], "<f4").reshape(entry["shape"]).astype(np.float32)


def read_metadata(body: bytes) -> dict[str, str]:
    """The metadata of a file that has been found sound: 8 bytes of length, then JSON."""
    header = orjson.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])
    metadata: dict[str, str] = header.get("__metadata__", {})
    return metadata


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
    sequence = schemas.check_sequence(
        "sequence", tensors["sequence"], signature.input_size, settings
    )
    target = tensors.get("target")
    if target is not None:
        check_target(target, (len(sequence), signature.output_size))
    slots = schemas.check_slots(request.memory_slots, signature, settings)
    prediction = Prediction(sequence, target, slots)
    return schemas.intervene(prediction, request.interventions, signature)


def check_target(target: Float, shape: tuple[int, int]) -> None:
    """A target that fits: NaN where it does not matter, finite elsewhere.

    Raises:
        WrongTarget, NotFinite
    """
    if target.shape != shape:
        raise errors.WrongTarget(
            f"target should have shape {list(shape)}, got {list(target.shape)}"
        )
    schemas.narrow("target", target, gaps=True)
