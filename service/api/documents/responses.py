"""Error answers and request bodies, in the form that FastAPI's routes take."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from service.contract.encodings import MEDIA_TYPES
from service.contract.open_inference.requests import HEADER, InferBody
from service.contract.schemas import PredictRequest
from service.contract.words import TextRequest

SAFETENSORS = MEDIA_TYPES["safetensors"]
BINARY = {"type": "string", "format": "binary"}


class Error(BaseModel):
    """The one shape of an error."""

    error: str = Field(description="which field, what was expected, what came")
    code: str = Field(pattern="^[a-z0-9_]+$")


RETRY = {"Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 0}}}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, by status."""
    told: dict[int | str, dict[str, Any]] = {
        status: {"model": Error, "description": HTTPStatus(status).phrase} for status in statuses
    }
    if 503 in told:
        told[503]["headers"] = RETRY
    return told


def inline(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema without references, which a route's own body cannot use."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, list):
            return [resolve(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolve(definitions[part["$ref"].rpartition("/")[2]])
        return {key: resolve(value) for key, value in part.items()}

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def or_text(numbers: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body in numbers or in words: `sequence` or `text`, and all else the same."""
    properties = {**numbers["properties"], "text": words["properties"]["text"]}
    required = [name for name in numbers.get("required", []) if name != "sequence"]
    one_of = [{"required": ["sequence"]}, {"required": ["text"]}]
    return {**numbers, "properties": properties, "required": required, "oneOf": one_of}


def predict_body() -> dict[str, Any]:
    """The body of POST /predict."""
    tensors = (
        "tensor `sequence` F32 [T, I], optionally `target` F32 [T, O] with NaN where it does not "
        "matter; all other fields as strings in the metadata, `include` as a comma list, "
        "`interventions` as JSON"
    )
    return {
        "required": True,
        "content": {
            "application/json": {"schema": or_text(inline(PredictRequest), inline(TextRequest))},
            SAFETENSORS: {"schema": {**BINARY, "description": tensors}},
        },
    }


def infer_body() -> dict[str, Any]:
    """The body of POST /v2/models/{model}/infer."""
    tensors = f"JSON, then little-endian tensors; {HEADER} is the length of the JSON"
    return {
        "required": True,
        "content": {
            "application/json": {"schema": inline(InferBody)},
            "application/octet-stream": {"schema": {**BINARY, "description": tensors}},
        },
    }
