"""Answers of POST /predict."""

from typing import Any

from pydantic import BaseModel, Field

from service.api.documents.responses import BINARY, SAFETENSORS

Matrix = list[list[float]]


class Predicted(BaseModel):
    """The answer to a prediction, with the weightings and stages that are included."""

    trace_id: str | None = Field(description="for GET /trace/{trace_id}; null without record")
    model: str
    version: int
    engine: str
    steps: int
    memory_slots: int
    outputs: Matrix = Field(description="[T][output_size]")
    warning: str | None = Field(
        default=None,
        description="where memory_slots was not verified for this model, or nobody here knows the "
        "task whose target is sent",
    )
    wrong_bits: int = Field(default=0, description="if the request had a target, of a known task")


PREDICTED: dict[str, Any] = {
    "model": Predicted,
    "content": {SAFETENSORS: {"schema": BINARY}},
    "description": "JSON or, where Accept says so, safetensors",
}
