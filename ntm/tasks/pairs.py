"""Tasks that are somebody's data: pairs of sequences, a share of them held out from training."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ntm.tasks import pair_files
from ntm.tasks.base import Episode, Float, Output, Task
from ntm.tasks.origin import Source, SourceError
from ntm.tasks.pair_files import Arrays

SPLIT_SEED = 0  # of which sequences are held out


class Pairs(Task):
    """Sequences from a file: batches to train on, and others that no training ever draws.

    Where a batch has sequences of several lengths, the shorter ones are followed by zeros whose
    answers do not matter.
    """

    source: Source
    inputs: int = Field(ge=1, description="channels")
    outputs: int = Field(ge=1, description="channels")
    sequences: int = Field(ge=2)
    held_out: int = Field(ge=1, description="sequences that are kept for evaluation")
    longest: int = Field(ge=1, description="steps of the longest sequence")

    @property
    def input_size(self) -> int:
        return self.inputs

    @property
    def output_size(self) -> int:
        return self.outputs

    def slots_needed(self, sizes: dict[str, int]) -> int:
        return 0

    @classmethod
    def read(cls, path: Path, sha256: str) -> Arrays:
        """The pairs in a file or folder with this digest."""
        return pair_files.read(path, sha256)

    @classmethod
    def of(cls, path: Path, source: Source, share: float) -> Self:
        """The task of the pairs in a file.

        Args:
            path: of the file or folder
            source: what it is recorded as
            share: of the sequences, held out from training
        Raises:
            SourceError: the file does not fit
        """
        return cls.described(cls.read(path, source.sha256), source, share)

    @classmethod
    def described(cls, arrays: Arrays, source: Source, share: float, **fields: object) -> Self:
        """The task of these arrays.

        Raises:
            SourceError: there are too few to hold any out
        """
        count = len(arrays.inputs)
        if count < 2:
            raise SourceError(
                f"{source.file} should have at least 2 sequences, one to train on and one to hold "
                f"out, got {count}"
            )
        return cls.model_validate(
            {
                "source": source,
                "inputs": arrays.inputs.shape[2],
                "outputs": arrays.targets.shape[2],
                "sequences": count,
                "held_out": min(max(1, round(share * count)), count - 1),
                "longest": int(arrays.lengths.max()),
                **fields,
            }
        )

    def arrays(self) -> Arrays:
        """All pairs.

        Raises:
            SourceError: the file is not here, or has changed
        """
        path = self.source.find()
        if path is None:
            raise SourceError(self.source.missing())
        return self.read(path, self.source.sha256)

    def order(self) -> NDArray[np.int64]:
        """The numbers of all sequences, those that are held out first."""
        return np.random.default_rng(SPLIT_SEED).permutation(self.sequences)

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        """Held out sequences, each once before any comes again."""
        self.complete(sizes)
        kept, rounds = self.order()[: self.held_out], -(-batch_size // self.held_out)
        drawn = np.concatenate([rng.permutation(kept) for _ in range(rounds)])
        return self.episode(drawn[:batch_size])

    def practise(self, rng: np.random.Generator, batch_size: int, level: int) -> Episode:
        """Sequences that are not held out."""
        return self.episode(rng.choice(self.order()[self.held_out :], batch_size))

    def episode(self, rows: NDArray[np.int64]) -> Episode:
        """The sequences of these numbers."""
        arrays = self.arrays()
        steps = int(arrays.lengths[rows].max())
        inputs, targets = (
            np.ascontiguousarray(array[rows, :steps].transpose(1, 0, 2)) for array in arrays[:2]
        )
        return Episode(inputs, targets)


class BitPairs(Pairs):
    """Pairs whose answers are bits."""

    name: ClassVar[str] = "bit-pairs"


class NumberPairs(Pairs):
    """Pairs whose answers are numbers; an error is the mean of their squared differences."""

    name: ClassVar[str] = "number-pairs"
    unit: ClassVar[str] = "mean squared error"
    output: ClassVar[Output] = "identity"

    def error(self, outputs: Float, targets: Float) -> NDArray[np.float64]:
        answered = ~np.isnan(targets)
        squares = np.square(np.where(answered, np.float64(outputs) - targets, 0))
        return np.asarray(squares.sum(axis=(0, 2)) / np.maximum(answered.sum(axis=(0, 2)), 1))


class ClassPairs(Pairs):
    """Pairs whose answers are each one class of several."""

    name: ClassVar[str] = "class-pairs"
    unit: ClassVar[str] = "wrong answers"
    output: ClassVar[Output] = "softmax"

    def error(self, outputs: Float, targets: Float) -> NDArray[np.float64]:
        answered = ~np.isnan(targets).any(axis=-1)
        wrong = outputs.argmax(axis=-1) != np.nan_to_num(targets).argmax(axis=-1)
        return np.asarray((wrong & answered).sum(axis=0), np.float64)


def kind_of(arrays: Arrays, loss: str | None) -> type[Pairs]:
    """The task that fits answers: bits where all are 0 or 1, else numbers; classes where asked."""
    if loss == "cross-entropy":
        return ClassPairs
    answers = arrays.targets[~np.isnan(arrays.targets)]
    return BitPairs if np.isin(answers, (0, 1)).all() else NumberPairs
