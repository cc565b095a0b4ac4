"""Answers of GET /models and what is below it."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from ntm.repository.folders import ModelDescription
from ntm.signature import Group, Owner, Signature, Stage, StageKind, Written
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
    vocabulary_size: int | None = Field(description="words it knows; null for numbers alone")
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


class DescribedStage(Stage):
    """A row of the table of stages, [T, *shape] in a trace."""

    owner: Owner = Field(description="whose it is; `heads` are those that read and that write")
    kind: StageKind
    group: Group = Field(description="where a trace tells it; `weighting`: by kind of head")
    bounds: tuple[float | None, float | None] = Field(description="of what it may be pinned to")
    after_zero: float | None = Field(description="what a weighting pinned to zero goes on from")
    symbol: str
    equation: str
    choices: tuple[str, ...] = Field(description="what a distribution is over; empty: numbered")


class DescribedSignature(Signature):
    """What a model takes, gives, carries from step to step and computes on the way."""

    stages: tuple[DescribedStage, ...] = Field(description="in the order of computation")
    reads_see: Literal["before", "after"] = Field(
        description="the memory before the same step's writes, or after them"
    )
    written: Written | None = Field(
        description="the stages that are erased and added by a write, and wipe slots before it"
    )

    @classmethod
    def of(cls, signature: Signature) -> "DescribedSignature":
        """All that an architecture says of a signature, beside what its files say."""
        return cls.model_validate(signature, from_attributes=True)


class Story(BaseModel):
    title: str
    text: list[str] = Field(description="sentences and questions, as POST /predict takes them")


class ModelDetails(ModelSummary):
    config: ModelDescription
    signature: DescribedSignature
    verified_memory_slots: list[int] = Field(
        description="numbers it was trained or measured with; none where nothing was measured"
    )
    evaluation: dict[str, Any] | None = Field(description="what `ntm eval` measured")
    card: str | None = Field(description="Markdown")
    example_sizes: dict[str, ExampleSize]
    stories: list[Story] = Field(description="texts to start from, for models with a vocabulary")


class Example(BaseModel):
    model: str
    version: int
    memory_slots: int
    sequence: Matrix
    target: list[list[float | None] | None]
    words: list[str] | None = Field(
        default=None, description="what every step says, of tasks whose steps have words"
    )
