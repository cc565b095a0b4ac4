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
    """

    name: ClassVar[str] = "copy"

    bits: int = Field(default=8, ge=1)
    min_length: int = Field(default=1, ge=1)
    max_length: int = Field(default=20, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError(
                f"min_length must be at most max_length={self.max_length}, got {self.min_length}"
            )
        return self

    @property
    def input_size(self) -> int:
        return self.bits + 2

    @property
    def output_size(self) -> int:
        return self.bits

    @property
    def sizes(self) -> dict[str, Size]:
        return {"length": Size(1, 100_000, self.max_length, "vectors to copy")}

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        ends = marked(inputs, self.bits + 1)
        if marked(inputs, self.bits) != [0] or len(ends) != 1:
            return ()
        return begun(inputs, ("present", 0), ("answer", ends[0] + 1))

    def heard(self, inputs: Float) -> dict[int, int]:
        answers = [phase for phase in self.phases(inputs) if phase.name == "answer"]
        return {t: t - phase.start + 1 for phase in answers for t in range(phase.start, phase.stop)}

    def slots_needed(self, sizes: Sizes) -> int:
        return sizes["length"] + 8

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        return {"length": int(rng.integers(self.min_length, self.max_length + 1))}

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        length = self.complete(sizes)["length"]
        vectors = random_bits(rng, length, batch_size, self.bits)
        inputs = np.zeros((2 * length + 2, batch_size, self.input_size), dtype=np.float32)
        inputs[0, :, self.bits] = 1
        inputs[1 : length + 1, :, : self.bits] = vectors
        inputs[length + 1, :, self.bits + 1] = 1
        targets = unanswered(len(inputs), batch_size, self.bits)
        targets[length + 2 :] = vectors
        phases = (Phase("present", 0, length + 2), Phase("answer", length + 2, len(inputs)))
        return Episode(inputs, targets, phases)
