"""Answers of GET /trace and GET /trace/{trace_id}."""

from typing import Any

from pydantic import BaseModel, Field

from ntm.interventions.items import Intervention
from service.api.documents.models import Heads
from service.api.documents.predict import Matrix, Stack
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


class Stages(BaseModel):
    """Stages of some heads, [T][H] and then each stage's own axes."""

    key: Stack = Field(description="[T][H][M]")
    key_strength: Matrix = Field(description="[T][H]")
    content_weighting: Stack = Field(default=[], description="[T][H][N]; not in `controls`")
    gate: Matrix = Field(description="[T][H]")
    gated_weighting: Stack = Field(default=[], description="[T][H][N]; not in `controls`")
    shift: Stack = Field(description="[T][H][S]")
    shifted_weighting: Stack = Field(default=[], description="[T][H][N]; not in `controls`")
    sharpening: Matrix = Field(description="[T][H]")


class Addressing(BaseModel):
    read: Stages
    write: Stages


class Writes(BaseModel):
    erase: Stack = Field(description="[T][W][M]")
    add: Stack = Field(description="[T][W][M]")


class Controller(BaseModel):
    hidden: Matrix
    cell: Matrix = Field(default=[], description="of an LSTM")


class SelectedHeads(BaseModel):
    read: list[int]
    write: list[int]


class Phase(BaseModel):
    """A named stretch of the sequence, steps start to stop - 1."""

    name: str
    start: int
    stop: int


class Trace(BaseModel):
    """A trace; which tensors it holds is for `include` to say."""

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
    read_weightings: Stack = Field(default=[], description="[T][R][N]")
    write_weightings: Stack = Field(default=[], description="[T][W][N]")
    addressing: Addressing | None = None
    writes: Writes | None = None
    reads: Stack = Field(default=[], description="[T][R][M]")
    controller: Controller | None = None
    memory: Stack = Field(default=[], description="[T][N][M], as each step's reads saw it")


TRACED: dict[str, Any] = {
    "model": Trace,
    "content": {
        media: {"schema": BINARY} for media in MEDIA_TYPES.values() if media != "application/json"
    },
    "description": "in the form that `format` or else Accept asks for",
}
