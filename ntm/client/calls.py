"""What the client asks, without any input or output: requests, and how their answers are read."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import numpy as np
import orjson
from numpy.typing import ArrayLike

from ntm.client import answers
from ntm.client.answers import Example, ModelSummary, Piece, Prediction
from ntm.picture import Trace
from ntm.runs.trace import DEFAULT_INCLUDE
from ntm.vocabulary import is_question

Told = TypeVar("Told")


@dataclass(frozen=True)
class Call(Generic[Told]):
    """A request, and what its answer is read with."""

    method: str
    path: str
    read: Callable[[bytes], Told]
    body: bytes | None = None
    query: Mapping[str, Any] = field(default_factory=dict)

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """It, for one of httpx's clients."""
        headers = {} if self.body is None else {"Content-Type": "application/json"}
        return client.build_request(
            self.method, self.path, content=self.body, params=self.query, headers=headers
        )


def models() -> Call[list[ModelSummary]]:
    return Call("GET", "/models", answers.models_of)


def example(model: str, version: int | None, seed: int, sizes: Mapping[str, int]) -> Call[Example]:
    query = without_none(version=version, seed=seed, **sizes)
    return Call("GET", f"/models/{quote(model, '')}/example", answers.example_of, query=query)


def predict(
    model: str,
    sequence: ArrayLike | None,
    text: str | Sequence[str] | None,
    target: ArrayLike | None,
    options: Mapping[str, Any],
) -> Call[Prediction]:
    """A prediction of numbers or of words.

    Args:
        model: a name
        sequence: [T, input_size]
        text: in its place, sentences
        target: [T, output_size], NaN where it does not matter
        options: further fields of the request; None is left out
    """
    rows = None if target is None else numbers(target)
    fields = {"model": model, **numbers_or_words(sequence, text), "target": rows, **options}
    read = partial(read_prediction, question_of(text))
    return Call("POST", "/predict", read, encoded(fields))


def trace(
    trace_id: str, include: str | Sequence[str], steps: str | None, heads: str | Sequence[str]
) -> Call[Trace]:
    query = without_none(
        include=listed(include) or DEFAULT_INCLUDE,
        steps=steps,
        heads=listed(heads) or None,
        format="npz",
    )
    return Call("GET", f"/trace/{quote(trace_id, '')}", read_trace, query=query)


def forget_trace(trace_id: str) -> Call[None]:
    return Call("DELETE", f"/trace/{quote(trace_id, '')}", read_nothing)


def open_session(model: str, version: int | None, memory_slots: int | None) -> Call[dict[str, Any]]:
    fields = {"model": model, "version": version, "memory_slots": memory_slots}
    return Call("POST", "/sessions", orjson.loads, encoded(fields))


def find_session(session_id: str) -> Call[dict[str, Any]]:
    return Call("GET", f"/sessions/{quote(session_id, '')}", orjson.loads)


def close_session(session_id: str) -> Call[None]:
    return Call("DELETE", f"/sessions/{quote(session_id, '')}", read_nothing)


def feed(
    session_id: str,
    position: int,
    sequence: ArrayLike | None,
    text: str | Sequence[str] | None,
    include: str | Sequence[str],
) -> Call[Piece]:
    """A piece that begins at a position, which makes it safe to send again."""
    fields = {**numbers_or_words(sequence, text), "position": position, "include": names(include)}
    read = partial(read_piece, question_of(text))
    path = f"/sessions/{quote(session_id, '')}/steps"
    return Call("POST", path, read, encoded(fields))


def numbers_or_words(
    sequence: ArrayLike | None, text: str | Sequence[str] | None
) -> dict[str, Any]:
    """The field of a request that says what is fed.

    Raises:
        TypeError: both are given, or none of them
    """
    if (sequence is None) == (text is None):
        raise TypeError("give a sequence of numbers or a text, one of them")
    if text is not None:
        return {"text": sentences(text)}
    return {"sequence": numbers(sequence)}


def sentences(text: str | Sequence[str]) -> list[str]:
    """A text sentence by sentence; one string may hold several."""
    if not isinstance(text, str):
        return list(text)
    ended = text.replace("?", "?\n").replace(". ", ".\n")
    return [line.strip() for line in ended.splitlines() if line.strip()]


def question_of(text: str | Sequence[str] | None) -> str:
    """The last question of a text."""
    asked = [] if text is None else [line for line in sentences(text) if is_question(line)]
    return asked[-1] if asked else ""


def numbers(values: Any) -> Any:
    """Numbers as an array that is written as JSON at once: float32, NaN as null."""
    return np.ascontiguousarray(values, np.float32)


def names(told: str | Sequence[str]) -> list[str]:
    """A comma list, or a list, as a list."""
    parts = told.split(",") if isinstance(told, str) else told
    return [part.strip() for part in parts if part.strip()]


def listed(told: str | Sequence[str]) -> str:
    """The same as a comma list."""
    return ",".join(names(told))


def without_none(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def encoded(fields: Mapping[str, Any]) -> bytes:
    """A body; what has no value is left out."""
    return orjson.dumps(without_none(**fields), option=orjson.OPT_SERIALIZE_NUMPY)


def read_prediction(question: str, body: bytes) -> Prediction:
    return answers.prediction_of(body, question)


def read_piece(question: str, body: bytes) -> Piece:
    return answers.piece_of(body, question)


def read_trace(body: bytes) -> Trace:
    return Trace.from_npz(io.BytesIO(body))


def read_nothing(body: bytes) -> None:
    return None
