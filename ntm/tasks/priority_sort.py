"""Priority sort (paper, section 4.5): hear vectors with priorities, say the highest in order."""

from typing import Any, ClassVar

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


class PrioritySort(Task):
    """One vector a step, an end marker, then the vectors of highest priority, highest first.

    Channels 0..bits-1 carry the vector, channel `bits` its priority, uniform in [-1, 1], channel
    `bits` + 1 the end marker. The curriculum ends at lists of `max_items`: at level l they hold
    up to l + 1 vectors, and at least half as many.
    """

    name: ClassVar[str] = "priority-sort"

    bits: int = Field(default=8, ge=1)
    max_items: int = Field(default=20, ge=2)

    @property
    def input_size(self) -> int:
        return self.bits + 2

    @property
    def output_size(self) -> int:
        return self.bits

    @property
    def sizes(self) -> dict[str, Size]:
        return {
            "items": Size(1, 10_000, self.max_items, "vectors to sort"),
            "answered": Size(
                1, 10_000, answered(self.max_items), "vectors to say, by default 80% of the items"
            ),
        }

    @property
    def levels(self) -> int:
        return self.max_items - 1

    def mastery(self, level: int) -> float:
        return (level + 1) / 2

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        longest = level + 1
        items = int(rng.integers(longest // 2, longest + 1))
        return {"items": items, "answered": answered(items)}

    def complete(self, sizes: dict[str, Any]) -> Sizes:
        """Check sizes and fill in defaults; 80% of the items are answered unless told otherwise.

        Raises:
            ValueError: a size is unknown, out of its bounds, or more is answered than was heard
        """
        filled = super().complete(sizes)
        if "answered" not in sizes:
            filled["answered"] = answered(filled["items"])
        if filled["answered"] > filled["items"]:
            raise ValueError(
                f"answered must be at most items ({filled['items']}), got {filled['answered']}"
            )
        return filled

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        ends = marked(inputs, self.bits + 1)
        if len(ends) != 1:
            return ()
        return begun(inputs, ("present", 0), ("answer", ends[0] + 1))

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        filled = self.complete(sizes)
        items, answers = filled["items"], filled["answered"]
        vectors = random_bits(rng, items, batch_size, self.bits)
        priorities = rng.uniform(-1, 1, size=(items, batch_size)).astype(np.float32)
        inputs = np.zeros((items + 1 + answers, batch_size, self.input_size), dtype=np.float32)
        inputs[:items, :, : self.bits] = vectors
        inputs[:items, :, self.bits] = priorities
        inputs[items, :, self.bits + 1] = 1
        targets = unanswered(len(inputs), batch_size, self.bits)
        order = np.argsort(-priorities, axis=0, kind="stable")[:answers]
        targets[items + 1 :] = np.take_along_axis(vectors, order[:, :, None], axis=0)
        phases = (Phase("present", 0, items + 1), Phase("answer", items + 1, len(inputs)))
        return Episode(inputs, targets, phases)


def answered(items: int) -> int:
    """How many of `items` vectors are answered: 80%, as 16 of 20, and at least one."""
    return max(1, items * 4 // 5)
