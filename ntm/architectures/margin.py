"""What an answer owes its margin over the next best one to: parts that an architecture knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Kind = Literal["slot", "question", "bias"]


class NoAnswer(ValueError):
    """A step whose output answers nothing."""


@dataclass(frozen=True)
class Owed:
    """What one source gave to the margin; all parts sum to it."""

    kind: Kind
    slot: int | None
    share: float  # in the unit of scores, which a softmax makes probabilities of
    by_hop: tuple[float, ...]  # of a slot


@dataclass(frozen=True)
class Margin:
    """How far the best answer's score is above the next one's, and where that came from."""

    answer: int  # a channel of the output
    runner_up: int
    margin: float
    error: float  # by which the recorded probabilities' margin is another
    parts: tuple[Owed, ...]  # the largest first, by their size


class MarginOf(Protocol):
    """Splits the margin of an answer."""

    fields: tuple[str, ...]  # the tensors of a trace that it needs

    def asked_at(self, config: Any, inputs: Array, step: int) -> int:
        """The step of the question that an output answers.

        Raises:
            NoAnswer: it answers none
        """
        ...

    def heard(self, inputs: Array) -> int:
        """How many slots some inputs [T, input_size] write."""
        ...

    def steps_needed(self, config: Any) -> int:
        """How many steps from the question's on are needed whole; of later ones the outputs are."""
        ...

    def __call__(
        self, config: Any, weights: Mapping[str, Array], run: Mapping[str, Array], heard: int
    ) -> Margin:
        """Split the margin of the last of some steps.

        Args:
            config: of the model
            weights: its parameters by name
            run: from the question's step to the answer's, but no more than are needed, [K, ...] by
                name; `outputs` end with the answer's
            heard: how many slots had been written by then
        """
        ...


def two_best(outputs: Array) -> tuple[int, int]:
    """The best and the next best of probabilities [O]."""
    order = np.argsort(-outputs, kind="stable")
    return int(order[0]), int(order[1])
