"""What is parsed in pieces is what a parser of JSON makes of the whole."""

import json
import random
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract import checks, long_arrays, schemas
from service.contract.open_inference import tensors
from service.errors import BodyTooLarge, MalformedBody, ServiceError

TEXT = st.text(alphabet='ab[]{},:"\\é\n', max_size=8)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9), TEXT),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=40,
)
BROKEN = b'[]{},:"\\ 0'


@pytest.fixture(scope="module", autouse=True)
def small_pieces() -> Any:
    """Arrays that are long already where there is more than a few characters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_arrays, "LONG", 6)
        patch.setattr(long_arrays, "PIECE", 16)
        patch.setattr(long_arrays, "MOST_OBJECTS", 64)
        yield


def in_pieces(body: bytes) -> Any:
    return long_arrays.to_lists(long_arrays.load(body))


@given(st.dictionaries(TEXT, VALUES, max_size=4), st.booleans(), st.booleans())
def test_a_body_is_what_it_is_as_a_whole(told: Any, ascii: bool, wide: bool) -> None:
    separators = (", ", ": ") if wide else (",", ":")
    body = json.dumps(told, ensure_ascii=ascii, separators=separators).encode()
    assert in_pieces(body) == told


@given(st.dictionaries(TEXT, VALUES, max_size=4), st.randoms(use_true_random=False))
def test_a_broken_body_is_broken_alike(told: Any, chance: random.Random) -> None:
    """One character is another: it is the same value then, or no JSON, in pieces as well."""
    body = bytearray(json.dumps(told).encode())
    body[chance.randrange(len(body))] = chance.choice(BROKEN)
    try:
        whole = orjson.loads(bytes(body))
    except orjson.JSONDecodeError:
        with pytest.raises(MalformedBody):
            in_pieces(bytes(body))
    else:
        assert in_pieces(bytes(body)) == whole


def test_elements_come_in_pieces_with_their_places() -> None:
    rows = [[row, row + 1] for row in range(100)]
    array = long_arrays.load(json.dumps({"sequence": rows}).encode())["sequence"]
    assert len(array) == 100
    pieces = list(array.pieces())
    assert len(pieces) > 10
    assert [first for first, _ in pieces] == [row[0] for _, (row, *_) in pieces]


@pytest.mark.parametrize("array", ["[1,2,3,,4,5,6,7,8]", "[,1,2,3,4,5,6,7,8]", "[1,2,3,4,5,6,7,]"])
def test_a_missing_element_is_told(array: str) -> None:
    with pytest.raises(MalformedBody):
        in_pieces(b'{"a": %b}' % array.encode())


def test_what_is_beside_arrays_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_arrays, "MOST_BESIDE", 100)
    assert in_pieces(b'{"a": [%b0]}' % (b"1," * 1000)) == {"a": [1] * 1000 + [0]}
    with pytest.raises(BodyTooLarge):
        in_pieces(b"{%b}" % b",".join(b'"%d": 0' % number for number in range(1000)))


def read(rows: Any, in_text: bool, name: str = "sequence") -> Any:
    """Rows as an array, or the sentence that says why not."""
    body = json.dumps({"model": "copy", "sequence": [[0.5] * 3] * 9, name: rows}).encode()
    told = long_arrays.load(body) if in_text else orjson.loads(body)
    try:
        asked: Any = schemas.validate(schemas.PredictRequest, told)
        if name == "target":
            return checks.to_target(asked.target, 3)
        return checks.to_array("sequence", asked.sequence, 3)
    except ServiceError as error:
        return str(error)


ROW = [0.25, -1e30, 3]


@pytest.mark.parametrize(
    "rows",
    [
        [ROW] * 40,
        [*[ROW] * 40, [1, "a", 2]],
        [*[ROW] * 40, [1, 2, True]],
        [*[ROW] * 40, [1e31, 2, 3]],
        [*[ROW] * 40, {"a": ROW}, [1]],
        [*[ROW] * 40, None],
        [*[ROW] * 40, [[1, 2, 3]]],
        [[1, 2]] * 40,
    ],
)
def test_rows_are_read_and_refused_alike(rows: Any) -> None:
    """Down to the sentence and the row that it names."""
    whole, pieces = read(rows, False), read(rows, True)
    assert type(whole) is type(pieces)
    assert whole == pieces if isinstance(whole, str) else whole.tobytes() == pieces.tobytes()


@pytest.mark.parametrize(
    "rows",
    [
        [None, *[ROW] * 40, [None, 1, 2]],
        [None] * 40,
        [*[ROW] * 40, [1, None, "a"]],
        [*[ROW] * 40, [1, 2]],
        [*[ROW] * 40, [1e31, 2, 3]],
    ],
)
def test_so_are_rows_of_a_target(rows: Any) -> None:
    whole, pieces = read(rows, False, "target"), read(rows, True, "target")
    assert type(whole) is type(pieces)
    assert whole == pieces if isinstance(whole, str) else whole.tobytes() == pieces.tobytes()


@pytest.mark.parametrize("shape", [[40, 3], [1, 40, 3], [4, 10, 3], [40, 1, 3]])
@pytest.mark.parametrize("nested", [True, False])
def test_tensors_are_read_from_text(shape: list[int], nested: bool) -> None:
    """Flat and nested, short rows and long ones."""
    values = np.arange(120, dtype=np.float32).reshape(shape)
    body = json.dumps({"data": (values if nested else values.ravel()).tolist()}).encode()
    data = long_arrays.load(body)["data"]
    tensor = tensors.InputTensor(name="sequence", shape=shape, datatype="FP32")
    assert tensors.from_text(tensor, data, shape).tobytes() == values.tobytes()
    for wrong in ([39, 3], [40, 4], [2, 40, 3], [120], [0, 40, 3]):
        if (not nested and np.prod(wrong) == 120) or wrong == shape:
            continue
        with pytest.raises(ServiceError):
            tensors.from_text(tensor, data, wrong)
