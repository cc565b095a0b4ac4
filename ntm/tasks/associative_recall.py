"""Associative recall (paper, section 4.3): hear a list of items, then one; say the next."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
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


class AssociativeRecall(Task):
    """Every item is a delimiter step and its vectors; the query stands between query delimiters.

    Channels 0..bits-1 carry the vector, channel `bits` the delimiter that opens an item, channel
    `bits` + 1 the query delimiter, once before the query and once after it. Then come as many
    answer steps as an item has vectors.
    """

    name: ClassVar[str] = "associative-recall"

    bits: int = Field(default=6, ge=1)
    item_length: int = Field(default=3, ge=1, description="vectors of an item")
    min_items: int = Field(default=2, ge=2)
    max_items: int = Field(default=6, ge=2)

    @property
    def input_size(self) -> int:
        return self.bits + 2

    @property
    def output_size(self) -> int:
        return self.bits

    @property
    def sizes(self) -> dict[str, Size]:
        return {"items": Size(2, 10_000, self.max_items, "items in the list")}

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        return {"items": int(rng.integers(self.min_items, self.max_items + 1))}

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        queries = marked(inputs, self.bits + 1)
        if len(queries) != 2 or marked(inputs, self.bits)[:1] != [0]:
            return ()
        return begun(inputs, ("items", 0), ("query", queries[0]), ("answer", queries[1] + 1))

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        items = self.complete(sizes)["items"]
        vectors = random_bits(rng, items, self.item_length, batch_size, self.bits)
        queried = rng.integers(0, items - 1, size=batch_size)
        inputs, phases = self._present(vectors, queried)
        targets = unanswered(len(inputs), batch_size, self.bits)
        targets[-self.item_length :] = _pick(vectors, queried + 1)
        return Episode(inputs, targets, phases)

    def _present(
        self, vectors: Float, queried: NDArray[np.int64]
    ) -> tuple[Float, tuple[Phase, ...]]:
        """The list, the query and silence, from vectors [items, item_length, B, bits]."""
        items, length, batch_size, bits = vectors.shape
        query = items * (length + 1)
        answer = query + length + 2
        inputs = np.zeros((answer + length, batch_size, self.input_size), dtype=np.float32)
        listed = inputs[:query].reshape(items, length + 1, batch_size, self.input_size)
        listed[:, 0, :, bits] = 1
        listed[:, 1:, :, :bits] = vectors
        inputs[[query, answer - 1], :, bits + 1] = 1
        inputs[query + 1 : answer - 1, :, :bits] = _pick(vectors, queried)
        phases = (
            Phase("items", 0, query),
            Phase("query", query, answer),
            Phase("answer", answer, len(inputs)),
        )
        return inputs, phases


def _pick(vectors: Float, chosen: NDArray[np.int64]) -> Float:
    """Each sequence's chosen item [item_length, B, bits]."""
    return vectors[chosen, :, np.arange(len(chosen))].transpose(1, 0, 2)
