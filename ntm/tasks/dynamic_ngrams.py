"""Dynamic N-grams (paper, section 4.4): predict the bits of a source met for the first time."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ntm.tasks.base import Episode, Float, Phase, Size, Sizes, Task, begun, random_bits, unanswered

SMALLEST_PROBABILITY = 1e-7


class DynamicNgrams(Task):
    """Every sequence has a table of its own: the chance of a 1 after each context of bits.

    The table is drawn from Beta(1/2, 1/2), the first `context` bits are fair coin flips. One input
    channel carries the bit, one output the probability that the next bit is 1; the step that hears
    bit t answers for bit t + 1, from the first whole context on.
    """

    name: ClassVar[str] = "dynamic-ngrams"
    unit: ClassVar[str] = "bits"
    answers_probabilities: ClassVar[bool] = True

    context: int = Field(default=5, ge=1, le=16, description="bits the next one depends on")
    length: int = Field(default=200, ge=2)

    @property
    def input_size(self) -> int:
        return 1

    @property
    def output_size(self) -> int:
        return 1

    @property
    def sizes(self) -> dict[str, Size]:
        return {"length": Size(self.context + 1, 100_000, self.length, "bits of a sequence")}

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        return {"length": self.length}

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        return begun(inputs, ("first context", 0), ("answer", self.context - 1))

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        length = self.complete(sizes)["length"]
        table = rng.beta(0.5, 0.5, size=(batch_size, 2**self.context))
        return self.episode(self._draw(rng, table, length))

    def episode(self, bits: Float) -> Episode:
        """The episode of bits [length, B]: every bit is heard but the last."""
        targets = unanswered(len(bits) - 1, bits.shape[1], 1)
        targets[self.context - 1 :, :, 0] = bits[self.context :]
        phases = (
            Phase("first context", 0, self.context - 1),
            Phase("answer", self.context - 1, len(targets)),
        )
        return Episode(bits[:-1, :, None], targets, phases)

    def _draw(self, rng: np.random.Generator, table: NDArray[np.float64], length: int) -> Float:
        """Bits [length, B] of the sources in `table` [B, 2^context]."""
        bits = random_bits(rng, length, len(table))
        chance = rng.random((length, len(table)))
        sequences = np.arange(len(table))
        for t in range(self.context, length):
            heard = _contexts(bits[t - self.context : t], self.context)[0]
            bits[t] = chance[t] < table[sequences, heard]
        return bits

    def error(self, outputs: Float, targets: Float) -> NDArray[np.float64]:
        """The code length of each sequence's answered bits in bits, [B]."""
        probability = np.clip(
            outputs.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY
        )
        likelihood = np.where(targets > 0.5, probability, 1 - probability)
        return np.asarray(-np.log2(np.where(np.isnan(targets), 1.0, likelihood)).sum(axis=(0, 2)))

    def lowest_error(self, episode: Episode) -> NDArray[np.float64]:
        return self.error(self.estimate(episode.inputs), episode.targets)

    def estimate(self, inputs: Float) -> Float:
        """The Bayesian estimator: (N1 + 1/2) / (N0 + N1 + 1) for the current context (Eq. 10).

        Args:
            inputs: [T, B, 1]
        Returns:
            the probability that the next bit is 1, [T, B, 1]; 1/2 before the first whole context
        """
        bits = inputs[:, :, 0]
        heard = _contexts(bits, self.context)
        sequences = np.arange(bits.shape[1])
        zeros, ones = np.zeros((2, bits.shape[1], 2**self.context))
        estimates = np.full(inputs.shape, 0.5, dtype=np.float32)
        for t in range(self.context - 1, len(bits)):
            if t >= self.context:  # bit t is what followed the context before it
                before = heard[t - self.context]
                ones[sequences, before] += bits[t]
                zeros[sequences, before] += 1 - bits[t]
            now = heard[t - self.context + 1]
            seen = zeros[sequences, now], ones[sequences, now]
            estimates[t, :, 0] = (seen[1] + 0.5) / (seen[0] + seen[1] + 1)
        return estimates


def _contexts(bits: Float, context: int) -> NDArray[np.int64]:
    """Every window of `context` bits as a number, oldest bit first, [T - context + 1, B]."""
    windows = np.lib.stride_tricks.sliding_window_view(bits.astype(np.int64), context, axis=0)
    return np.asarray(windows @ (1 << np.arange(context)[::-1]))
