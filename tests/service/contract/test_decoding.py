"""A sequence that is decoded as one array is the one that is decoded number by number."""

import json
import re
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.contract import checks, schemas
from service.errors import ServiceError

NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(-1e30, 1e30),
    st.booleans(),
    st.none(),
    st.just("1.5"),
    st.lists(st.just(0.5), max_size=1),
)
PLAIN = st.one_of(st.integers(-(2**53), 2**53), st.floats(-1e30, 1e30))


def decoded(told: dict[str, Any], width: int) -> Any:
    """The sequence of a body as the service reads it, or its sentence."""
    try:
        asked = schemas.parse(json.dumps(told).encode())
        return checks.to_array("sequence", asked.sequence, width)
    except ServiceError as error:
        return str(error)


def number_by_number(told: dict[str, Any], width: int) -> Any:
    """The same by pydantic alone."""
    try:
        asked = schemas.PredictRequest.model_validate(orjson.loads(json.dumps(told)))
        assert isinstance(asked.sequence, list)
        return checks.to_array("sequence", asked.sequence, width)
    except ValidationError as error:
        return str(schemas.explain(error.errors()[0]))
    except ServiceError as error:
        return str(error)


@given(st.lists(st.lists(PLAIN, min_size=3, max_size=3), min_size=1, max_size=4), st.booleans())
def test_numbers_come_out_alike(rows: list[list[float]], record: bool) -> None:
    """Bit for bit, and as float32 of what Python reads."""
    told = {"model": "copy", "sequence": rows, "record": record}
    fast, slow = decoded(told, 3), number_by_number(told, 3)
    assert fast.tobytes() == slow.tobytes()
    assert fast.tobytes() == np.array([[float(n) for n in row] for row in rows], "f4").tobytes()


@given(st.lists(st.lists(NUMBERS, max_size=3), min_size=1, max_size=3))
def test_what_is_no_number_is_refused_alike(rows: list[list[Any]]) -> None:
    """The same sentence, whichever way it was found."""
    told = {"model": "copy", "sequence": rows, "record": True}
    fast, slow = decoded(told, 3), number_by_number(told, 3)
    assert type(fast) is type(slow)
    assert fast == slow if isinstance(fast, str) else fast.tobytes() == slow.tobytes()


@pytest.mark.parametrize("flag", [True, False])
def test_a_boolean_is_no_number(flag: bool) -> None:
    """NumPy would take it for 0 or 1."""
    rows = [[0, 1.5, flag]]
    told = {"model": "copy", "sequence": rows, "record": True}
    assert "sequence[0][2] should be a valid number" in decoded(told, 3)


def test_plain_numbers_become_an_array() -> None:
    """Which is what makes it fast."""
    asked = schemas.parse(b'{"model": "copy", "sequence": [[0, 1], [1, 0.5]], "record": false}')
    assert isinstance(asked.sequence, np.ndarray)


@given(
    st.integers(1, 20),
    st.booleans(),
    st.lists(st.sampled_from(["read_weightings", "write_weightings"]), max_size=2, unique=True),
)
def test_a_glance_finds_the_model_and_not_too_many_steps(
    steps: int, has_target: bool, include: list[str]
) -> None:
    told: dict[str, Any] = {"sequence": [[0, 1]] * steps, "include": include, "model": "copy"}
    if has_target:
        told["target"] = [[0]] * steps
    name, least = schemas.glance(json.dumps(told).encode())
    assert name == "copy"
    assert steps // 2 - 1 <= least <= steps
    assert schemas.glance(json.dumps({**told, "version": 1}).encode()) == (None, 0)
    assert schemas.glance(b"[") == (None, 0)


BITS = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 9), min_size=width, max_size=width), min_size=1, max_size=5
    )
)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])


@given(BITS, SEPARATORS)
def test_bits_are_read_from_the_text(rows: list[list[int]], separators: tuple[str, str]) -> None:
    """As compact libraries write them, and as Python's own."""
    body = json.dumps({"model": "copy", "sequence": rows, "record": True}, separators=separators)
    sequence = schemas.load(body.encode())["sequence"]
    assert isinstance(sequence, np.ndarray)
    assert sequence.tolist() == rows


@given(
    BITS,
    SEPARATORS,
    st.sampled_from(["", "interventions", "target"]),
    st.booleans(),
    st.integers(0, 200),
    st.sampled_from(["", "[", "]", ",", " ", "0", "-", ".5", '"', "\\", "\u00e9"]),
    st.integers(0, 2),
)
def test_whatever_is_done_to_the_text_it_means_what_json_says(
    rows: list[list[int]],
    separators: tuple[str, str],
    field: str,
    ahead: bool,
    at: int,
    instead: str,
    gone: int,
) -> None:
    """A character changed anywhere; the same name inside another field."""
    others = {field: [{"sequence": [[0, 1]]}]} if field else {}
    told = {**others, "sequence": rows} if ahead else {"sequence": rows, **others}
    text = json.dumps(told, separators=separators)
    body = (text[:at] + instead + text[at + gone :]).encode()
    try:
        expected = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        with pytest.raises(ServiceError, match=re.escape(str(error))):
            schemas.load(body)
        return
    if isinstance(expected, dict):
        came = schemas.load(body)
        given_rows = came.get("sequence")
        if isinstance(given_rows, np.ndarray):
            came["sequence"] = given_rows.tolist()
        assert json.dumps(came) == json.dumps(expected)


@pytest.mark.parametrize(
    "text",
    [
        '{"sequence":[[0,1]],"sequence":[[1,1]]}',
        '{"sequence":[[0,1]],"\\u0073equence":[]}',
        '{"\\u0073equence":[[1]],"sequence":[[0,1]]}',
        '{"note":{"sequence":[[0,1]]}}',
        '{"note":{"sequence":[[0,1]]},"sequence":[]}',
        '{"sequence":[[]]}',
        '{"sequence":[[],[]]}',
        '{"sequence":[[0,1],[1]]}',
        '{"sequence":[[0,1],[1,0]',
    ],
)
def test_text_that_could_be_taken_for_bits(text: str) -> None:
    """Names twice, in disguise, elsewhere; nothing in it; cut short."""
    try:
        expected = orjson.loads(text)
    except orjson.JSONDecodeError:
        with pytest.raises(ServiceError):
            schemas.load(text.encode())
        return
    came = schemas.load(text.encode())
    rows = came.get("sequence")
    assert {**came, **({"sequence": rows.tolist()} if isinstance(rows, np.ndarray) else {})} == (
        expected
    )


@pytest.mark.parametrize("record", [True, False])
def test_fields_that_came_before_go_with_other_bits(client: httpx.Client, record: bool) -> None:
    """What is beside the bits is read once; each answer is that of its own bits."""

    def answers(rows: list[list[int]], **fields: Any) -> httpx.Response:
        asked = {"model": "copy", "sequence": rows, "record": record, **fields}
        return client.post("/predict", json=asked)

    one, other = [[1, 0, 1, 0, 1, 0]] * 3, [[0, 1, 0, 1, 0, 1]] * 4
    first = answers(one).json()
    second = answers(other).json()
    assert (len(first["outputs"]), len(second["outputs"])) == (3, 4)
    assert (first["trace_id"] is not None, second["trace_id"] is not None) == (record, record)
    as_floats = answers([[value + 0.0 for value in row] for row in other]).json()
    assert as_floats["outputs"] == second["outputs"]
    again = answers(one).json()
    assert again["outputs"] == first["outputs"]
    assert answers([[1, 0]]).json()["code"] == "wrong_width"
    blank = [{"steps": "0:3", "set": {"input": [0] * 6}}]
    changed = [answers(one, interventions=blank).json()["outputs"] for _ in range(2)]
    assert changed == [answers([[0] * 6] * 3).json()["outputs"]] * 2
