"""Answers of /sessions."""

from pydantic import BaseModel, Field

from service.api.documents.predict import Answered, Matrix, SeenSentence


class SessionFacts(BaseModel):
    session_id: str
    model: str
    version: int
    engine: str
    memory_slots: int
    position: int = Field(description="the next step")
    created_at: float = Field(description="seconds since the epoch")
    used_at: float
    expires_at: float
    warning: str | None = Field(
        default=None, description="where memory_slots was not verified; when it is opened"
    )


class Fed(BaseModel):
    session_id: str
    model: str
    version: int
    engine: str
    position: int = Field(description="the first step of this piece")
    steps: int
    next_position: int
    memory_slots: int
    outputs: Matrix = Field(description="[steps][output_size]")
    answer: str | None = Field(default=None, description="to a text's last question")
    probabilities: dict[str, float] | None = None
    hops: list[list[SeenSentence]] | None = None
    answers: list[Answered] | None = Field(
        default=None, description="to every question, where a text has several"
    )
