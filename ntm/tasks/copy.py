"""Copy (paper, section 4.1): hear a sequence of bit vectors, then say it."""

from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from ntm.tasks.base import (
    Episode,
    Float,
    Phase,
    Size,
    Sizes,
    Task,
    begun,
    marked,
    random_bits,
    unanswered,
)


class Copy(Task):
    """Step 0 is the start marker, steps 1..L the vectors, step L+1 the end marker, then L answers.

    Channels 0..bits-1 carry the vector, channel `bits` the start marker, `bits` + 1 the end marker.
    Others leave the start marker out, its step and its channel, and some answer with a channel for
    the end marker, which is never on.
    """

    name: ClassVar[str] = "copy"
    layouts: ClassVar[tuple[str, ...]] = ("start_marker", "marker_echo")

    bits: int = Field(default=8, ge=1)
    min_length: int = Field(default=1, ge=1)
    max_length: int = Field(default=20, ge=1)
    start_marker: bool = Field(default=True, description="whether step 0 is one")
    marker_echo: bool = Field(default=False, description="an output channel for the end marker")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError(
                f"min_length must be at most max_length={self.max_length}, got {self.min_length}"
            )
        return self

    @property
    def input_size(self) -> int:
        return self.bits + 1 + self.start_marker

    @property
    def output_size(self) -> int:
        return self.bits + self.marker_echo

    @property
    def sizes(self) -> dict[str, Size]:
        return {"length": Size(1, 100_000, self.max_length, "vectors to copy")}

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        ends = marked(inputs, self.input_size - 1)
        started = not self.start_marker or marked(inputs, self.bits) == [0]
        if not started or len(ends) != 1:
            return ()
        return begun(inputs, ("present", 0), ("answer", ends[0] + 1))

    def heard(self, inputs: Float) -> dict[int, int]:
        answers = [phase for phase in self.phases(inputs) if phase.name == "answer"]
        return {
            t: t - phase.start + self.start_marker
            for phase in answers
            for t in range(phase.start, phase.stop)
        }

    def slots_needed(self, sizes: Sizes) -> int:
        return sizes["length"] + 8

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        return {"length": int(rng.integers(self.min_length, self.max_length + 1))}

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        length = self.complete(sizes)["length"]
        vectors = random_bits(rng, length, batch_size, self.bits)
        first = int(self.start_marker)
        answer = first + length + 1
        inputs = np.zeros((answer + length, batch_size, self.input_size), dtype=np.float32)
        if self.start_marker:
            inputs[0, :, self.bits] = 1
        inputs[first : first + length, :, : self.bits] = vectors
        inputs[answer - 1, :, self.input_size - 1] = 1
        targets = unanswered(len(inputs), batch_size, self.output_size)
        targets[answer:] = 0
        targets[answer:, :, : self.bits] = vectors
        phases = (Phase("present", 0, answer), Phase("answer", answer, len(inputs)))
        return Episode(inputs, targets, phases)
