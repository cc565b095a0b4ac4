"""What every task gives: sequences with targets, the sizes it is trained on, an error measure."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ntm.tasks.origin import Origin

Sizes = dict[str, int]
Output = Literal["sigmoid", "identity", "softmax"]
Float = NDArray[np.float32]


@dataclass(frozen=True)
class Phase:
    """A named stretch of a sequence, steps start to stop - 1; figures mark it."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class Episode:
    """A batch of sequences of one shape, time first."""

    inputs: Float  # [T, B, I]
    targets: Float  # [T, B, O]; NaN where the answer does not matter
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True)
class Size:
    """One size of a sequence that a caller may choose."""

    low: int
    high: int
    default: int
    meaning: str


class Task(BaseModel, ABC):
    """A task. Its fields are what changes its channels or its training ranges.

    One of your own needs `input_size`, `output_size` and `sample`; `sizes` where its sequences come
    in several. It is called by its class unless it has a `name`: `TwoLists` is `two-lists`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    unit: ClassVar[str] = "wrong bits"
    output: ClassVar[Output] = "sigmoid"  # the activation that a model of it gets by default
    answers_probabilities: ClassVar[bool] = False
    figures: ClassVar[tuple[str, ...]] = ()  # that show what it is about, for a model's card
    # Fields that lay a sequence out as others do; a description leaves out what is the paper's.
    layouts: ClassVar[tuple[str, ...]] = ()
    origin: ClassVar[Origin | None] = None  # of a class that comes from somebody's file

    @classmethod
    def __pydantic_init_subclass__(cls, **arguments: Any) -> None:
        """Name a class that has no name of its own."""
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).strip("_").lower()

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Channels of the input."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Channels of the output."""

    @property
    def sizes(self) -> dict[str, Size]:
        """The sizes `sample` takes, each with its bounds and default."""
        return {}

    @property
    def trained(self) -> Sizes:
        """The largest sizes that training draws."""
        return {name: size.default for name, size in self.sizes.items()}

    @property
    def stories(self) -> Mapping[str, tuple[str, ...]]:
        """Texts to start from, by title, for a model that is asked in words."""
        return {}

    @property
    def levels(self) -> int:
        """How many steps the curriculum has; 1 trains on everything from the start."""
        return 1

    def mastery(self, level: int) -> float:
        """The error a sequence under which a level counts as learnt."""
        return 0.0

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        """The sizes of one training batch at a level from 1 to `levels`.

        Each is drawn from its lowest to its default unless a task does otherwise.
        """
        return {
            name: int(rng.integers(size.low, size.default + 1)) for name, size in self.sizes.items()
        }

    @abstractmethod
    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        """Sequences of the given sizes; a size left out takes its default."""

    def practise(self, rng: np.random.Generator, batch_size: int, level: int) -> Episode:
        """One batch to train on, of a level's sizes: of `sample`, or of what it never draws."""
        return self.sample(rng, batch_size, **self.training_sizes(rng, level))

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        """The phases of one sequence [T, input_size]; none where it is not laid out as by `sample`.

        What is still to come of a sequence that has only begun is left out.
        """
        return ()

    def heard(self, inputs: Float) -> dict[int, int]:
        """For each step of the answer to [T, input_size], the step at which its item was heard.

        Empty where an answer is more than saying one item, or the sequence is no example.
        """
        return {}

    def words(self, inputs: Float) -> list[str]:
        """What every step of [T, I] says in words; empty where that has none."""
        return []

    def answer(self, inputs: Float, outputs: Float) -> str | None:
        """What outputs [T, O] answer to inputs [T, I] in words; None where that has none."""
        return None

    def slots_needed(self, sizes: Sizes) -> int:
        """Memory slots that a sequence of these sizes asks for; 0 where any number will do."""
        return 0

    def error(self, outputs: Float, targets: Float) -> NDArray[np.float64]:
        """The error of each sequence in the task's unit, [B]."""
        return wrong_bits(outputs, targets).astype(np.float64)

    def lowest_error(self, episode: Episode) -> NDArray[np.float64]:
        """The error of the best answer that the inputs allow, [B]: 0 unless chance is in play."""
        return np.zeros(episode.inputs.shape[1])

    def complete(self, sizes: dict[str, Any]) -> Sizes:
        """Check sizes and fill in defaults.

        Raises:
            ValueError: a size is unknown, no whole number or out of its bounds
        """
        return check_sizes(self.name, self.sizes, sizes)


def check_sizes(owner: str, known: dict[str, Size], sizes: dict[str, Any]) -> Sizes:
    """Check sizes and fill in defaults.

    Args:
        owner: what has these sizes, for a sentence
        known: which there are
        sizes: those chosen
    Raises:
        ValueError: a size is unknown, no whole number or out of its bounds
    """
    for name, value in sizes.items():
        if name not in known:
            raise ValueError(f"{owner} has no size '{name}', only {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise ValueError(f"{name} must be a whole number, got {value!r}")
        if not known[name].low <= value <= known[name].high:
            raise ValueError(
                f"{name} must be from {known[name].low} to {known[name].high}, got {value}"
            )
    return {name: sizes.get(name, size.default) for name, size in known.items()}


def wrong_bits(outputs: Float, targets: Float) -> NDArray[np.int64]:
    """Bits on the wrong side of 0.5, counted where a target is given; a NaN output is wrong.

    Args:
        outputs, targets: [T, B, O]; NaN in targets does not count
    Returns:
        [B]
    """
    wrong = np.isnan(outputs) | ((outputs > 0.5) != (targets > 0.5))
    wrong &= ~np.isnan(targets)
    return np.asarray(wrong.sum(axis=(0, 2)))


def begun(inputs: Float, *phases: tuple[str, int]) -> tuple[Phase, ...]:
    """Phases by their names and first steps, those that the sequence [T, .] has come to."""
    stops = [start for _, start in phases[1:]] + [len(inputs)]
    pairs = zip(phases, stops, strict=True)
    return tuple(Phase(name, start, stop) for (name, start), stop in pairs if start < stop)


def marked(inputs: Float, channel: int) -> list[int]:
    """The steps at which a marker's channel of [T, I] is on."""
    return [int(step) for step in np.flatnonzero(inputs[:, channel] > 0.5)]


def unanswered(steps: int, batch_size: int, output_size: int) -> Float:
    """Targets that do not matter anywhere, to be filled in, [T, B, O]."""
    return np.full((steps, batch_size, output_size), np.nan, dtype=np.float32)


def random_bits(rng: np.random.Generator, *shape: int) -> Float:
    """Fair coin flips as 0.0 and 1.0."""
    return rng.integers(0, 2, size=shape).astype(np.float32)
