"""Whatever is wrong with a request, the answer is one status, one code and one sentence."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service.bodies import body

STEP = [0.0] * 6
JSON = {"content-type": "application/json"}


def expect(answer: httpx.Response, status: int, code: str) -> str:
    """Check status, code and shape of an error; its sentence."""
    assert answer.headers["content-type"] == "application/json", answer.text
    told = answer.json()
    assert told.keys() == {"error", "code"}, told
    assert (answer.status_code, told["code"]) == (status, code), told
    assert isinstance(told["error"], str)
    assert 0 < len(told["error"]) < 500
    assert "/tests" not in told["error"]
    assert "Traceback" not in told["error"]
    return str(told["error"])


def raw(sequence: str, **fields: Any) -> str:
    """A body whose sequence is not what json.dumps would write."""
    return json.dumps(body(sequence="@", **fields)).replace('"@"', sequence)


def one(number: str) -> str:
    """A body with one such number in it."""
    return raw(f"[[{number}, 0, 0, 0, 0, 0]]")


BODIES: dict[str, tuple[str, int, str, str]] = {
    "empty body": ("", 400, "malformed_body", "not JSON"),
    "half a body": ('{"model": "copy"', 400, "malformed_body", "not JSON"),
    "bytes": ("\x00\x01", 400, "malformed_body", "not JSON"),
    "NaN": (one("NaN"), 400, "malformed_body", "not JSON"),
    "Infinity": (one("Infinity"), 400, "malformed_body", "not JSON"),
    "-Infinity": (one("-Infinity"), 400, "malformed_body", "not JSON"),
    "1e999": (one("1e999"), 400, "malformed_body", "not JSON"),
    "a lone surrogate": ('{"model": "\\ud800"}', 400, "malformed_body", "not JSON"),
    "deep nesting": ("[" * 100_000, 400, "malformed_body", "not JSON"),
    "deep balanced nesting": (raw("[" * 5000 + "]" * 5000), 400, "malformed_body", "not JSON"),
    "nesting that is too deep": (raw("[[[[0]]]]"), 422, "invalid_request", "sequence[0][0]"),
    "an array": ("[]", 400, "malformed_body", "should be a JSON object"),
    "a string": ('"copy"', 400, "malformed_body", "should be a JSON object"),
    "null": ("null", 400, "malformed_body", "should be a JSON object"),
    "1e300": (one("1e300"), 422, "not_finite", "sequence[0][0] should be at most 1e+30"),
    "a huge integer": (one("9" * 300), 422, "not_finite", "sequence[0][0]"),
    "a string number": (one('"1.5"'), 422, "invalid_request", "sequence[0][0] should be a valid"),
    "a boolean number": (one("true"), 422, "invalid_request", "got true"),
    "null for a number": (one("null"), 422, "invalid_request", "sequence[0][0]"),
    "an object": (raw("{}"), 422, "invalid_request", "got an object"),
    "a string as sequence": (raw('"0"'), 422, "invalid_request", "sequence should be a valid"),
    "null as sequence": (raw("null"), 422, "invalid_request", "got null"),
    "numbers without steps": (raw("[0, 0]"), 422, "invalid_request", "sequence[0] should be"),
    "ragged": (raw("[[0,0,0,0,0,0],[0,0]]"), 422, "ragged_sequence", "rows of 2, 6"),
    "too wide": (raw("[[0,0,0,0,0,0,0]]"), 422, "wrong_width", "6 numbers at every step, got 7"),
    "empty steps": (raw("[[],[]]"), 422, "wrong_width", "got 0"),
    "no steps": (raw("[]"), 422, "empty_sequence", "at least one step"),
    "too many steps": (
        raw(json.dumps([STEP] * 2001)),
        422,
        "too_many_steps",
        "at most 2000 steps, got 2001",
    ),
}
FIELDS: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "unknown model": ({"model": "paste"}, 404, "unknown_model", "expected one of copy"),
    "a path as model": ({"model": "../copy"}, 404, "unknown_model", "unknown model"),
    "a URL as model": ({"model": "http://a/b"}, 404, "unknown_model", "unknown model"),
    "a long model": ({"model": "x" * 10_000}, 404, "unknown_model", "unknown model"),
    "a number as model": ({"model": 1}, 422, "invalid_request", "model should be"),
    "unknown version": ({"version": 9}, 404, "unknown_version", "no version 9, only 1, 2"),
    "a huge version": ({"version": 2**63}, 404, "unknown_version", "no version"),
    "version zero": ({"version": 0}, 422, "invalid_request", "version should be"),
    "a string as version": ({"version": "1"}, 422, "invalid_request", "version should be"),
    "true as version": ({"version": True}, 422, "invalid_request", "got true"),
    "half a version": ({"version": 1.5}, 422, "invalid_request", "got 1.5"),
    "unknown field": ({"seqence": 1}, 422, "unknown_field", "unknown field 'seqence'"),
    "a long unknown field": ({"x" * 10_000: 1}, 422, "unknown_field", "unknown field"),
    "unknown include": ({"include": ["wisdom"]}, 422, "unknown_include", "include should be of"),
    "a string as include": ({"include": "reads"}, 422, "unknown_include", "include should be"),
    "a number in include": ({"include": [1]}, 422, "unknown_include", "include[0] should be"),
    "no slots": ({"memory_slots": 0}, 422, "memory_slots_out_of_range", "1 to 512, got 0"),
    "negative slots": ({"memory_slots": -1}, 422, "memory_slots_out_of_range", "got -1"),
    "too many slots": ({"memory_slots": 513}, 422, "memory_slots_out_of_range", "got 513"),
    "huge slots": ({"memory_slots": 2**63}, 422, "memory_slots_out_of_range", "got 92233720"),
    "half a slot": ({"memory_slots": 1.5}, 422, "invalid_request", "memory_slots should be"),
    "a string as slots": ({"memory_slots": "8"}, 422, "invalid_request", "got a string"),
    "true as slots": ({"memory_slots": True}, 422, "invalid_request", "got true"),
    "other slots than learned": (
        {"model": "learned", "memory_slots": 8},
        422,
        "memory_slots_out_of_range",
        "should be 7, the only number",
    ),
    "a string as record": ({"record": "no"}, 422, "invalid_request", "record should be"),
    "a short target": ({"target": [None]}, 422, "wrong_target", "5 steps as sequence has, got 1"),
    "a wide target": ({"target": [[0] * 5] * 5}, 422, "wrong_target", "target[0] should have 4"),
    "a string in target": ({"target": [["1"] * 4] * 5}, 422, "invalid_request", "target[0][0]"),
    "1e300 in target": ({"target": [[1e300] * 4] * 5}, 422, "not_finite", "target[0][0]"),
    "an object as target": ({"target": {}}, 422, "invalid_request", "target should be"),
}


@pytest.mark.parametrize(("text", "status", "code", "told"), BODIES.values(), ids=BODIES)
def test_a_bad_body(client: httpx.Client, text: str, status: int, code: str, told: str) -> None:
    answer = client.post("/predict", content=text, headers=JSON)
    assert told in expect(answer, status, code)


@pytest.mark.parametrize(("fields", "status", "code", "told"), FIELDS.values(), ids=FIELDS)
def test_a_bad_field(
    client: httpx.Client, fields: dict[str, Any], status: int, code: str, told: str
) -> None:
    assert told in expect(client.post("/predict", json=body(**fields)), status, code)


@pytest.mark.parametrize("field", ["model", "sequence"])
def test_a_missing_field(client: httpx.Client, field: str) -> None:
    asked = {name: value for name, value in body().items() if name != field}
    answer = client.post("/predict", json=asked)
    assert expect(answer, 422, "invalid_request") == f"{field} is missing"


def test_a_body_that_announces_too_much(client: httpx.Client) -> None:
    answer = client.post("/predict", content=b" " * (2**20 + 1), headers=JSON)
    assert "at most 1048576 bytes" in expect(answer, 413, "body_too_large")


def test_a_body_in_chunks_that_grows_too_large(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 2**16

    answer = client.post("/predict", content=chunks(), headers=JSON)
    expect(answer, 413, "body_too_large")


def test_a_body_in_chunks_is_read_like_any_other(client: httpx.Client) -> None:
    text = json.dumps(body()).encode()
    parts = (text[i : i + 7] for i in range(0, len(text), 7))
    assert client.post("/predict", content=parts, headers=JSON).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", "json"])
def test_a_wrong_content_type(client: httpx.Client, kind: str) -> None:
    answer = client.post("/predict", content=json.dumps(body()), headers={"content-type": kind})
    assert kind in expect(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/json ;v=1"]
)
def test_a_content_type_is_read_as_its_standard_says(client: httpx.Client, kind: str) -> None:
    answer = client.post("/predict", content=json.dumps(body()), headers={"content-type": kind})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/predict"),
        ("PUT", "/predict"),
        ("POST", "/trace"),
        ("DELETE", "/models/copy"),
        ("POST", "/v2/health/live"),
        ("PATCH", "/trace/0"),
    ],
)
def test_a_wrong_method(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    expect(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/nothing", "/trace/a/b", "/models/copy/nothing", "/v2/%2e%2e"])
def test_a_path_that_is_not_there(client: httpx.Client, path: str) -> None:
    expect(client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/trace/nothing", 404, "unknown_trace"),
        ("/trace/" + "x" * 5000, 404, "unknown_trace"),
        ("/trace/%00", 404, "unknown_trace"),
        ("/trace/nothing?format=json", 404, "unknown_trace"),
        ("/trace/nothing?format=xml", 422, "invalid_request"),
        ("/trace?limit=0", 422, "invalid_request"),
        ("/trace?limit=1001", 422, "invalid_request"),
        ("/trace?limit=many", 422, "invalid_request"),
        ("/trace?cursor=-1", 422, "invalid_request"),
        ("/trace?cursor=1e3", 422, "invalid_request"),
        ("/trace?cursor=" + "9" * 5000, 422, "invalid_request"),
        ("/models/paste", 404, "unknown_model"),
        ("/models/..%2fcopy", 404, "not_found"),
        ("/models/copy?version=9", 404, "unknown_version"),
        ("/models/copy?version=one", 422, "invalid_request"),
        ("/models/paste/example", 404, "unknown_model"),
        ("/models/copy/example?seed=-1", 422, "invalid_request"),
        ("/models/copy/example?seed=1.5", 422, "invalid_request"),
        ("/models/copy/example?seed=" + "9" * 5000, 422, "invalid_request"),
        ("/models/copy/example?length=0", 422, "invalid_request"),
        ("/models/copy/example?length=-3", 422, "invalid_request"),
        ("/models/copy/example?length=100001", 422, "invalid_request"),
        ("/models/copy/example?length=100000", 422, "invalid_request"),
        ("/models/copy/example?length=two", 422, "invalid_request"),
        ("/models/copy/example?width=2", 422, "invalid_request"),
    ],
)
def test_a_bad_query(client: httpx.Client, path: str, status: int, code: str) -> None:
    expect(client.get(path), status, code)


@pytest.mark.parametrize(
    "query",
    [
        "include=weights",
        "include=inputs,,outputs",
        "include=inputs;outputs",
        "steps=1",
        "steps=3:3",
        "steps=4:2",
        "steps=-2:",
        "steps=0:6",
        "steps=a:b",
        "steps=0:1:2",
        "heads=read.1",
        "heads=",
        "heads=read",
        "heads=read.-1",
        "format=pickle",
        "format=",
    ],
)
def test_a_bad_choice_of_a_trace(client: httpx.Client, query: str) -> None:
    trace_id = client.post("/predict", json=body(steps=5)).json()["trace_id"]
    answer = client.get(f"/trace/{trace_id}?{query}")
    code = "unknown_include" if query.startswith("include") else "invalid_request"
    told = expect(answer, 422, code)
    assert told.startswith(f"{query.partition('=')[0]} should be")


@pytest.mark.parametrize(
    ("query", "known"),
    [("step=1:2", "include, steps, heads"), ("steps=1:2&inclde=memory", "include, steps, heads")],
)
def test_an_unknown_parameter_of_a_trace(client: httpx.Client, query: str, known: str) -> None:
    trace_id = client.post("/predict", json=body(steps=5)).json()["trace_id"]
    told = expect(client.get(f"/trace/{trace_id}?{query}"), 422, "unknown_field")
    assert known in told
    assert "'inclde'" in told or "'step'" in told
    told = expect(client.delete(f"/trace/{trace_id}?really=no"), 422, "unknown_field")
    assert "there are none here" in told
    expect(client.get("/trace?modle=copy"), 422, "unknown_field")
    assert client.get(f"/trace/{trace_id}").status_code == 200


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NEARLY_RIGHT = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["copy", "wide", "learned"]) | JSON_VALUES,
        "version": st.just(1) | JSON_VALUES,
        "sequence": st.lists(st.just(STEP) | JSON_VALUES, max_size=3) | JSON_VALUES,
        "memory_slots": st.integers(-1, 600) | JSON_VALUES,
        "target": st.lists(st.just([0, 1, None, 0]) | JSON_VALUES, max_size=3) | JSON_VALUES,
        "include": st.just(["read_weightings"]) | JSON_VALUES,
        "record": st.booleans() | JSON_VALUES,
    },
)


@settings(max_examples=150)
@given(asked=NEARLY_RIGHT | JSON_VALUES)
def test_no_body_brings_the_service_down(client: httpx.Client, asked: Any) -> None:
    try:
        text = json.dumps(asked).encode()
    except UnicodeEncodeError:
        return
    answer = client.post("/predict", content=text, headers=JSON)
    told = json.loads(answer.content, parse_constant=refuse_constant)
    assert answer.status_code in (200, 400, 404, 413, 422), told
    if answer.status_code != 200:
        assert told.keys() == {"error", "code"}


@settings(max_examples=60)
@given(data=st.binary(max_size=60))
def test_no_bytes_bring_the_service_down(client: httpx.Client, data: bytes) -> None:
    answer = client.post("/predict", content=data, headers=JSON)
    assert answer.status_code in (400, 422)
    assert answer.json().keys() == {"error", "code"}


def refuse_constant(name: str) -> None:
    """NaN and Infinity are not JSON."""
    raise AssertionError(f"{name} in an answer")
