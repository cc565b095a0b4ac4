"""Repeat copy (paper, section 4.2): hear vectors and a count, say them that many times."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

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


class RepeatCopy(Task):
    """Start marker, vectors, repeat count, then the repeated vectors and an end marker to say.

    Input channels 0..bits-1 carry the vector, channel `bits` the start marker, channel `bits` + 1
    the repeat count, normalised to mean 0 and variance 1 over the training range whatever count is
    asked for. Output channels 0..bits-1 answer, channel `bits` is the end marker, 1 only in the
    step after the last repeat, where the vector is zero.

    In the layout `delimiter` there is no start marker: channel `bits` is on in the step after the
    vectors, and channel `bits` + 1 carries the count over `max_repeats` in the next one.

    The curriculum has all lengths from the start and lets one more repeat in at every level:
    short sequences would teach the controller to do without the memory.
    """

    name: ClassVar[str] = "repeat-copy"
    layouts: ClassVar[tuple[str, ...]] = ("layout", "count_offset")

    bits: int = Field(default=8, ge=1)
    max_length: int = Field(default=10, ge=1)
    max_repeats: int = Field(default=10, ge=2)
    layout: Literal["paper", "delimiter"] = "paper"
    count_offset: int = Field(default=0, description="added to the count before it is normalised")

    @property
    def input_size(self) -> int:
        return self.bits + 2

    @property
    def output_size(self) -> int:
        return self.bits + 1

    @property
    def sizes(self) -> dict[str, Size]:
        return {
            "length": Size(1, 10_000, self.max_length, "vectors to repeat"),
            "repeats": Size(1, 10_000, self.max_repeats, "times to say them"),
        }

    @property
    def levels(self) -> int:
        return self.max_repeats

    def mastery(self, level: int) -> float:
        return 0.01 * self.max_length * level * self.bits

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        return {
            "length": int(rng.integers(1, self.max_length + 1)),
            "repeats": int(rng.integers(1, level + 1)),
        }

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        counts = np.flatnonzero(inputs[:, self.bits + 1])
        marks = marked(inputs, self.bits)
        begins = marks == [0] if self.layout == "paper" else len(marks) == 1
        if not begins or len(counts) != 1:
            return ()
        return begun(inputs, ("present", 0), ("answer", int(counts[0]) + 1))

    def normalise(self, repeats: int) -> float:
        """The count as the input channel carries it: mean 0, variance 1 over 1..max_repeats."""
        if self.layout == "delimiter":
            return repeats / self.max_repeats
        mean = (1 + self.max_repeats) / 2
        deviation = np.sqrt((self.max_repeats**2 - 1) / 12)
        return float((repeats + self.count_offset - mean) / deviation)

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        filled = self.complete(sizes)
        length, repeats = filled["length"], filled["repeats"]
        vectors = random_bits(rng, length, batch_size, self.bits)
        answer = length + 2
        steps = answer + length * repeats + 1
        inputs = np.zeros((steps, batch_size, self.input_size), dtype=np.float32)
        first = int(self.layout == "paper")
        inputs[0 if first else length, :, self.bits] = 1
        inputs[first : first + length, :, : self.bits] = vectors
        inputs[length + 1, :, self.bits + 1] = self.normalise(repeats)
        targets = unanswered(steps, batch_size, self.output_size)
        targets[answer:] = 0
        targets[answer:-1, :, : self.bits] = np.tile(vectors, (repeats, 1, 1))
        targets[-1, :, self.bits] = 1
        phases = (Phase("present", 0, answer), Phase("answer", answer, steps))
        return Episode(inputs, targets, phases)
