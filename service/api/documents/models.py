"""Answers of GET /models and what is below it."""

from typing import Any

from pydantic import BaseModel, Field

from ntm.repository.folders import ModelDescription
from ntm.signature import Signature
from service.api.documents.predict import Matrix


class Heads(BaseModel):
    read: int
    write: int


class ModelSummary(BaseModel):
    name: str
    version: int
    versions: list[int]
    task: str
    architecture: str
    input_size: int
    output_size: int
    memory_slots: int
    heads: Heads
    engine: str
    device: str


class BrokenModel(BaseModel):
    name: str
    version: int | None = Field(description="null for what stands where a model or version should")
    error: str
    served: bool = Field(description="whether what lay there before is still served")


class ModelList(BaseModel):
    models: list[ModelSummary]
    broken: list[BrokenModel] = Field(description="what could not be loaded, and why")


class ExampleSize(BaseModel):
    default: int
    low: int
    high: int
    meaning: str


class ModelDetails(ModelSummary):
    config: ModelDescription
    signature: Signature
    verified_memory_slots: list[int] = Field(
        description="numbers it was trained or measured with; none where nothing was measured"
    )
    evaluation: dict[str, Any] | None = Field(description="what `ntm eval` measured")
    card: str | None = Field(description="Markdown")
    example_sizes: dict[str, ExampleSize]


class Example(BaseModel):
    model: str
    version: int
    memory_slots: int
    sequence: Matrix
    target: list[list[float | None] | None]
