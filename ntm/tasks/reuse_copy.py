"""Reuse copy (Graves et al. 2016, allocation): hear and say one sub-sequence after another."""

from itertools import pairwise
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


class ReuseCopy(Task):
    """Rounds of copying: a start marker, vectors, an end marker, then as many answers as vectors.

    All rounds together hold more vectors than a small memory has slots, so that slots have to be
    freed and written again. Channels 0..bits-1 carry the vector, channel `bits` the start marker,
    `bits` + 1 the end marker.

    The curriculum lets one more sub-sequence in at every level.
    """

    name: ClassVar[str] = "reuse-copy"
    figures: ClassVar[tuple[str, ...]] = ("allocation",)

    bits: int = Field(default=6, ge=1)
    min_length: int = Field(default=1, ge=1)
    max_length: int = Field(default=14, ge=1, description="vectors of a sub-sequence")
    max_sub_sequences: int = Field(default=4, ge=1)

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
        return {
            "sub_sequences": Size(1, 10_000, self.max_sub_sequences, "heard and said in turn"),
            "length": Size(1, 10_000, self.max_length, "vectors of each"),
        }

    @property
    def levels(self) -> int:
        return self.max_sub_sequences

    def mastery(self, level: int) -> float:
        return 0.02 * self.max_length * level * self.bits

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        return {
            "sub_sequences": int(rng.integers(1, level + 1)),
            "length": int(rng.integers(self.min_length, self.max_length + 1)),
        }

    def slots_needed(self, sizes: Sizes) -> int:
        return sizes["length"] + 2

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        starts, ends = marked(inputs, self.bits), marked(inputs, self.bits + 1)
        markers = sorted(starts + ends)
        if starts[:1] != [0] or starts != markers[::2] or ends != markers[1::2]:
            return ()
        rounds = [
            (("present", start), ("answer", end + 1))
            for start, end in zip(starts, ends, strict=False)
        ]
        begins = [phase for both in rounds for phase in both]
        if len(starts) > len(ends):
            begins.append(("present", starts[-1]))
        return begun(inputs, *begins)

    def heard(self, inputs: Float) -> dict[int, int]:
        said: dict[int, int] = {}
        for present, answer in pairwise(self.phases(inputs)):
            if answer.name == "answer":
                heard = range(present.start + 1, present.stop - 1)
                said.update(zip(range(answer.start, answer.stop), heard, strict=False))
        return said

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        filled = self.complete(sizes)
        rounds, length = filled["sub_sequences"], filled["length"]
        vectors = random_bits(rng, rounds, length, batch_size, self.bits)
        steps = 2 * length + 2  # of a round
        inputs = np.zeros((rounds, steps, batch_size, self.input_size), dtype=np.float32)
        inputs[:, 0, :, self.bits] = 1
        inputs[:, 1 : length + 1, :, : self.bits] = vectors
        inputs[:, length + 1, :, self.bits + 1] = 1
        targets = unanswered(rounds * steps, batch_size, self.bits)
        targets.reshape(rounds, steps, batch_size, self.bits)[:, length + 2 :] = vectors
        phases = [
            phase
            for start in range(0, rounds * steps, steps)
            for phase in (
                Phase("present", start, start + length + 2),
                Phase("answer", start + length + 2, start + steps),
            )
        ]
        return Episode(inputs.reshape(-1, *inputs.shape[2:]), targets, tuple(phases))
