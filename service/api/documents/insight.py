"""Answers of GET /trace/{trace_id}/provenance, /difference/{other_id} and /findings."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from service.api.documents.responses import BINARY
from service.contract.encodings import MEDIA_TYPES

Row = list[float]
Stretches = list[list[int]]


class Part(BaseModel):
    kind: Literal["write", "initial", "intervention"] = Field(
        description="a write, the memory before the first step, or memory that was set"
    )
    step: int | None = Field(description="of the write or the intervention")
    head: str | None = Field(description="of the write")
    slot: int | None = Field(description="through which most of the write came")
    share: float = Field(description="(vector . read) / (read . read); all shares sum to 1")
    vector: Row = Field(description="[M], what it gave to the read")


class Rest(BaseModel):
    count: int = Field(description="parts that are not told one by one")
    share: float
    vector: Row


class RolledPart(BaseModel):
    kind: Literal["input", "initial", "intervention"] = Field(
        description="a step's input, the memory before the first step, or memory that was set"
    )
    step: int | None = Field(description="of the input or the intervention")
    share: float = Field(description="from 0 to 1; all shares sum to 1")


class RolledRest(BaseModel):
    count: int = Field(description="parts that are not told one by one")
    share: float


class RolledOut(BaseModel):
    """Attention rollout over the layers below (Abnar and Zuidema 2020): a guide, no exact sum."""

    parts: list[RolledPart]
    rest: RolledRest


class Owed(BaseModel):
    kind: Literal["slot", "question", "bias"]
    slot: int | None
    sentence: str | None = Field(description="that the slot holds, of a model with a vocabulary")
    share: float = Field(
        description="of the margin, to which all parts sum; below 0 it speaks against"
    )
    by_hop: list[float] = Field(description="the same by the hop that read the slot")


class AnswerFinding(BaseModel):
    slug: Literal["answer_without_story", "answer_from_another_sentence", "fact_not_looked_at"]
    slot: int | None = Field(description="that it is about")
    sentence: str | None = Field(description="that the slot holds")
    value: float = Field(description="measured: a share of the margin, or a hop's weight")
    definition: str


class Margin(BaseModel):
    """What an answer owes its margin over the next best one to, the largest parts first.

    Exact for the attention as it was; how the attention came about it does not tell.
    """

    trace_id: str
    model: str
    version: int
    step: int
    question: int = Field(description="the step that asked")
    answer: str = Field(description="a word, or the number of an output")
    runner_up: str
    margin: float = Field(description="of the scores, the logarithm of how much more probable")
    error: float = Field(description="by which the sum of the parts misses the recorded margin")
    parts: list[Owed]
    findings: list[AnswerFinding] = Field(description="what is odd about the answer")


class Provenance(BaseModel):
    """A read vector as a sum of what every source gave to it, the largest shares first."""

    trace_id: str
    model: str
    version: int
    step: int
    head: str
    read: Row = Field(description="[M], the sum of all parts")
    error: float = Field(description="largest difference between that sum and the read vector")
    parts: list[Part]
    rest: Rest
    rolled_out: RolledOut | None = Field(description="null for a model without layers")


class StageDifference(BaseModel):
    stage: str = Field(description="its name in a trace, such as addressing.read.gate")
    maximum: float = Field(description="of |A - B|")
    mean: float = Field(description="of |A - B|")
    maximum_step: int | None = Field(description="where the maximum is first met")
    first_step: int | None = Field(description="where |A - B| first exceeds the tolerance")


class ChangedBits(BaseModel):
    count: int = Field(description="outputs on the other side of 0.5")
    steps: Stretches = Field(description="[a, b) of steps that have such outputs")


class DifferenceSide(BaseModel):
    trace_id: str
    model: str
    version: int
    steps: int


class First(BaseModel):
    step: int
    stages: list[str] = Field(description="that part there, in the order of computation")


class AnswerSource(BaseModel):
    slot: int = Field(description="at which the head that carries the answer looks most")
    weight: float = Field(description="how much of its weighting is there")
    step: int | None = Field(description="whose write has the largest share of what it reads")
    share: float = Field(description="that share, as /provenance tells it")
    heard: float | None = Field(description="the share of the step at which the item was heard")


class AnsweredStep(BaseModel):
    step: int
    heard: int | None = Field(description="when what is to be said was heard, if it is one step")
    sides: list[AnswerSource] = Field(min_length=2, max_length=2)


class Answers(BaseModel):
    """Where the answer at every step came from, in each of two architectures."""

    heads: list[str] = Field(description="that carry the answers: they look most at what was heard")
    steps: list[AnsweredStep]
    left_out: int = Field(description="later answers of a long run")


class Difference(BaseModel):
    """Two traces, over the steps that both have; stages in the order of computation."""

    traces: list[DifferenceSide] = Field(min_length=2, max_length=2)
    steps: int = Field(description="compared, the fewer of both")
    memory_slots: int
    tolerance: float
    first: First | None = Field(description="where they part")
    changed_bits: ChangedBits
    stages: list[StageDifference]
    answers: Answers | None = Field(
        description="null for one architecture, for runs without answers and for very large ones"
    )


DIFFERENCE: dict[str, Any] = {
    "model": Difference,
    "content": {MEDIA_TYPES[kind]: {"schema": BINARY} for kind in ("png", "svg")},
}


class Finding(BaseModel):
    slug: str
    definition: str
    thresholds: dict[str, float] = Field(description="that it passed; each is a query parameter")
    value: float
    head: str | None = Field(description="null for the memory")
    steps: Stretches = Field(description="[a, b)")
    sentence: str


class Findings(BaseModel):
    """What is odd about a trace; a finding is no error."""

    trace_id: str
    model: str
    version: int
    steps: int
    memory_slots: int
    findings: list[Finding]
    definitions: dict[str, str] = Field(description="of all that is looked for, by slug")
    thresholds: dict[str, float] = Field(description="as they were used")
