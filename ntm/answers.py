"""Answers in words: what a model's outputs and its attention say of a text. NumPy only."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.vocabulary import Asked, Vocabulary

FAINT = 0.01  # weights below it are not told

Array = NDArray[np.float32]


class Seen(NamedTuple):
    """A sentence that a hop looked at."""

    sentence: str
    number: int  # in the order of hearing, from 0
    weight: float


class Answer(NamedTuple):
    """The answer to one question."""

    question: str
    answer: str
    probabilities: dict[str, float]  # of the five most probable answers, best first
    hops: list[list[Seen]]  # of every step after the question, what it looked at most first


def answers_of(
    vocabulary: Vocabulary,
    text: Sequence[str],
    asked: Asked,
    outputs: Array,
    attention: Array | None,
    before: Sequence[str] = (),
) -> Iterator[Answer]:
    """The answers to the questions of a text.

    Args:
        vocabulary: of the model
        text: sentences and questions
        asked: the same as steps
        outputs: of these steps [T, output_size]
        attention: of one head over slots that hold sentences [T, N]; None: hops are not told
        before: sentences that were heard before this text
    """
    questions = [sentence for sentence in text if sentence.rstrip().endswith("?")]
    told = [sentence for sentence in text if not sentence.rstrip().endswith("?")]
    for question, step in zip(questions, asked.questions, strict=True):
        heard = [*before, *told[: int(np.searchsorted(asked.sentences, step))]]
        last, hops = step + vocabulary.silence, list[list[Seen]]()
        if attention is not None:
            hops = [seen_of(heard, row) for row in attention[step + 1 : last + 1]]
        best = vocabulary.best(outputs[last])
        yield Answer(question, best[0][0], dict(best), hops)


def seen_of(heard: Sequence[str], weights: Array) -> list[Seen]:
    """The sentences that a weighting over N slots looks at, the most first."""
    slots = len(weights)
    found = []
    for slot in np.argsort(-weights, kind="stable"):
        if weights[slot] < FAINT:
            break
        number = latest_in(int(slot), len(heard), slots)
        if number is not None:
            found.append(Seen(heard[number], number, float(weights[slot])))
    return found


def latest_in(slot: int, heard: int, slots: int) -> int | None:
    """The number of the latest of some sentences that went into a slot, round the ring."""
    number = slot + (heard - 1 - slot) // slots * slots
    return number if 0 <= number < heard else None


def in_slot(slot: int | None, heard: Sequence[str], slots: int) -> str | None:
    """The sentence that a slot holds."""
    number = None if slot is None else latest_in(slot, len(heard), slots)
    return None if number is None else heard[number]


def as_json(answer: Answer) -> dict[str, Any]:
    """An answer as objects of JSON."""
    return answer._asdict() | {"hops": [[seen._asdict() for seen in hop] for hop in answer.hops]}
