"""Answers of POST /predict."""

from typing import Any

from pydantic import BaseModel, Field

from service.api.documents.responses import BINARY, SAFETENSORS

Matrix = list[list[float]]


class SeenSentence(BaseModel):
    """A sentence that a hop looked at."""

    sentence: str
    number: int = Field(description="in the order of hearing, from 0")
    weight: float


class Answered(BaseModel):
    """The answer to one question of a text."""

    question: str
    answer: str
    probabilities: dict[str, float]
    hops: list[list[SeenSentence]]


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
    answer: str | None = Field(
        default=None,
        description="in words: to the last question of a text the most probable one, of a walk "
        "through a graph the nodes",
    )
    probabilities: dict[str, float] | None = Field(
        default=None, description="of the five most probable answers, best first"
    )
    hops: list[list[SeenSentence]] | None = Field(
        default=None, description="[step after the question]: what it looked at, the most first"
    )
    answers: list[Answered] | None = Field(
        default=None, description="to every question, where a text has several"
    )
    wrong_bits: int = Field(
        default=0, description="if the request had a target, of a known task of bits"
    )
    error: float | None = Field(
        default=None, description="the same of a task with another unit of errors"
    )
    error_unit: str | None = Field(default=None, description="such as bits, or wrong answers")


PREDICTED: dict[str, Any] = {
    "model": Predicted,
    "content": {SAFETENSORS: {"schema": BINARY}},
    "description": "JSON or, where Accept says so, safetensors",
}
