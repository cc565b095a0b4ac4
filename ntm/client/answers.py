"""Answers of the service with their types; tensors are arrays, time first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ntm.answers import Answer, Seen

Array = NDArray[np.float32]

FACTS = {"outputs", "probabilities", "hops", "answers"}  # and what is neither array nor group


@dataclass(frozen=True, eq=False)
class ModelSummary:
    """A model that is served."""

    name: str
    version: int
    versions: list[int]
    task: str
    architecture: str
    input_size: int
    output_size: int
    memory_slots: int
    heads: Mapping[str, int]  # `read` and `write`
    engine: str
    device: str


@dataclass(frozen=True, eq=False)
class Example:
    """An example of a model's task."""

    model: str
    version: int
    memory_slots: int  # that it needs
    sequence: Array  # [T, input_size]
    target: Array  # [T, output_size], NaN where it does not matter


@dataclass(frozen=True, eq=False, kw_only=True)
class Walked:
    """What every answer about steps has."""

    model: str
    version: int
    engine: str
    steps: int
    memory_slots: int
    outputs: Array  # [T, output_size]
    arrays: Mapping[str, Array] = field(repr=False)  # what `include` asked for, dotted names
    answers: tuple[Answer, ...] = ()  # to the questions of a text

    @property
    def answer(self) -> Answer | None:
        """The answer to a text's last question."""
        return self.answers[-1] if self.answers else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction(Walked):
    """The answer to a sequence or a text."""

    trace_id: str | None  # None where nothing was recorded
    wrong_bits: int | None = None  # where there was a target, of a task that the service knows
    warning: str | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Piece(Walked):
    """The answer to a piece of a session."""

    session_id: str
    position: int  # of its first step
    next_position: int


def models_of(body: bytes) -> list[ModelSummary]:
    """The answer of GET /models."""
    known = ModelSummary.__dataclass_fields__
    return [
        ModelSummary(**{name: value for name, value in told.items() if name in known})
        for told in orjson.loads(body)["models"]
    ]


def example_of(body: bytes) -> Example:
    """The answer of GET /models/{name}/example."""
    told = orjson.loads(body)
    sequence = np.array(told["sequence"], np.float32)
    return Example(
        told["model"], told["version"], told["memory_slots"], sequence, rows_of(told["target"])
    )


def prediction_of(body: bytes, question: str) -> Prediction:
    """The answer of POST /predict, to a text whose last question is given."""
    told = orjson.loads(body)
    return Prediction(
        **walked(told, question),
        trace_id=told["trace_id"],
        wrong_bits=told.get("wrong_bits"),
        warning=told.get("warning"),
    )


def piece_of(body: bytes, question: str) -> Piece:
    """The answer of POST /sessions/{session_id}/steps, to a text whose last question is given."""
    told = orjson.loads(body)
    place = {name: told[name] for name in ("session_id", "position", "next_position")}
    return Piece(**walked(told, question), **place)


def walked(told: Mapping[str, Any], question: str) -> dict[str, Any]:
    """The fields of `Walked`."""
    facts = {name: told[name] for name in ("model", "version", "engine", "steps", "memory_slots")}
    included = {
        name: value
        for name, value in told.items()
        if name not in FACTS and isinstance(value, list | dict)
    }
    return {
        **facts,
        "outputs": np.array(told["outputs"], np.float32),
        "arrays": flat(included),
        "answers": tuple(answer_of({"question": question, **one}) for one in answers_in(told)),
    }


def flat(told: Mapping[str, Any], prefix: str = "") -> dict[str, Array]:
    """Nested groups of tensors as arrays by dotted names."""
    found: dict[str, Array] = {}
    for name, value in told.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = np.array(value, np.float32)
    return found


def answers_in(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The answers to the questions of a text, one or several."""
    if told.get("answers"):
        return list(told["answers"])
    return [told] if told.get("answer") is not None else []


def answer_of(told: Mapping[str, Any]) -> Answer:
    """One of them."""
    hops = [[Seen(**seen) for seen in hop] for hop in told.get("hops") or []]
    return Answer(told["question"], told["answer"], told["probabilities"], hops)


def rows_of(rows: list[list[float | None] | None]) -> Array:
    """Rows [T, O] in which null is NaN, for a number or for a whole row."""
    width = next((len(row) for row in rows if row is not None), 0)
    filled = [[None] * width if row is None else row for row in rows]
    return np.array(filled, float).astype(np.float32)
