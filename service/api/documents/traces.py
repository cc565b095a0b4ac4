"""Answers of GET /trace and GET /trace/{trace_id}."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from ntm.interventions.items import Intervention
from ntm.signature import Written
from service.api.documents.models import Heads
from service.api.documents.predict import Matrix
from service.api.documents.responses import BINARY
from service.contract.encodings import MEDIA_TYPES


class TraceSummary(BaseModel):
    trace_id: str
    model: str
    version: int
    steps: int
    memory_slots: int
    created_at: float = Field(description="seconds since the epoch")


class TraceList(BaseModel):
    traces: list[TraceSummary] = Field(description="newest first")
    next: str | None = Field(description="the cursor of the next page")


class SelectedHeads(BaseModel):
    read: list[int]
    write: list[int]


class Phase(BaseModel):
    """A named stretch of the sequence, steps start to stop - 1."""

    name: str
    start: int
    stop: int


class Trace(BaseModel):
    """A trace; which tensors it holds is for `include` to say.

    The stages that there may be are those of the models served: see documents/stages.py.
    """

    trace_id: str
    model: str
    version: int
    model_digest: str
    engine: str
    created_at: float = Field(description="seconds since the epoch")
    steps: int
    range: list[int] = Field(min_length=2, max_length=2, description="the steps told, [a, b)")
    memory_slots: int
    heads: Heads
    selected_heads: SelectedHeads
    shifts: list[int]
    reads_see: Literal["before", "after"] = Field(
        description="the memory before the same step's writes, or after them"
    )
    written: Written | None = Field(description="the stages that change the memory in a write")
    task: dict[str, Any] = Field(description="that the model was trained on, and its fields")
    phases: list[Phase] = Field(
        description="of the sequence; none where it is not laid out as examples of a known task are"
    )
    interventions: list[Intervention] = Field(
        description="what was changed in the run; inputs are as changed"
    )
    inputs: Matrix = Field(default=[], description="[T][input_size]")
    outputs: Matrix = Field(default=[], description="[T][output_size]")
    target: list[list[float | None]] = Field(default=[], description="[T][output_size]")


TRACED: dict[str, Any] = {
    "model": Trace,
    "content": {
        media: {"schema": BINARY} for media in MEDIA_TYPES.values() if media != "application/json"
    },
    "description": "in the form that `format` or else Accept asks for",
}
