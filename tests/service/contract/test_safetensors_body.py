"""POST /predict in safetensors, both ways."""

from typing import Any

import httpx
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load, save

from tests.service.bodies import Float, array, body, draw, same

KIND = "application/vnd.safetensors"
FIELDS = {"model": "copy", "version": "1"}


def post(client: httpx.Client, content: bytes, accept: str = KIND) -> httpx.Response:
    """A prediction asked for in safetensors."""
    headers = {"content-type": KIND, "accept": accept}
    return client.post("/predict", content=content, headers=headers)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error, which is always JSON."""
    assert set(answer.json()) == {"error", "code"}
    return answer.status_code, answer.json()["code"]


def file(**changed: Any) -> bytes:
    """A request; `None` leaves a field out."""
    tensors: dict[str, Float] = {"sequence": draw(5)}
    tensors |= {name: value for name, value in changed.items() if isinstance(value, np.ndarray)}
    fields = {**FIELDS, **{n: v for n, v in changed.items() if not isinstance(v, np.ndarray)}}
    return save(tensors, {name: value for name, value in fields.items() if value is not None})


def test_both_forms_give_the_same_bits(client: httpx.Client, tmp_path: Any) -> None:
    target = np.full((5, 4), np.nan, np.float32)
    target[2:] = draw(3, 9, 4) > 0
    rows = [None if np.isnan(row).all() else row.tolist() for row in target]
    include = ["read_weightings", "write_weightings"]
    asked = body(5, include=include, target=rows, memory_slots=40)
    expected = client.post("/predict", json=asked).json()
    answer = post(
        client, file(target=target, include=",".join(include), memory_slots="40", record="true")
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == KIND
    for name, tensor in load(answer.content).items():
        assert same(tensor, array(expected.pop(name))), name
    (tmp_path / "answer").write_bytes(answer.content)
    with safe_open(tmp_path / "answer", "np") as opened:
        facts = opened.metadata()
    trace_id = facts.pop("trace_id")
    del expected["trace_id"]
    assert facts == {name: str(value) for name, value in expected.items()}
    trace = client.get(f"/trace/{trace_id}?include=inputs,target").json()
    assert same(array(trace["inputs"]), draw(5))
    assert trace["target"] == [row or [None] * 4 for row in rows]


def test_bodies_that_differ_in_their_numbers_only(client: httpx.Client) -> None:
    """Their heads are read once."""
    first = file(sequence=draw(5, 1))
    head = first[: 8 + int.from_bytes(first[:8], "little")]
    second = head + draw(5, 2).tobytes()
    for seed, content in ((1, first), (2, second), (1, first)):
        alone = client.post("/predict", json=body(5, seed)).json()["outputs"]
        assert same(load(post(client, content).content)["outputs"], array(alone))
    assert code_of(post(client, first[:-1])) == (400, "malformed_body")
    assert code_of(post(client, first + b"\0")) == (400, "malformed_body")
    wrong = np.full((5, 6), np.nan, np.float32)
    assert code_of(post(client, head + wrong.tobytes())) == (422, "not_finite")
    assert post(client, first).status_code == 200


def test_large_bodies_are_read_alike(client: httpx.Client) -> None:
    """Their heads are not remembered."""
    sequence = draw(1900, 3, 6)
    answer = post(client, file(sequence=sequence, target=np.zeros((1900, 4), np.float32)))
    alone = client.post("/predict", json=body(sequence=sequence.tolist())).json()["outputs"]
    assert same(load(answer.content)["outputs"], array(alone))


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        (f"text/html, {KIND};q=0.9", KIND),
        (f"application/json, {KIND}", "application/json"),
    ],
)
def test_accept_chooses_the_answers_form(client: httpx.Client, accept: str, kind: str) -> None:
    assert post(client, file(), accept).headers["content-type"] == kind
    headers = {"accept": accept}
    plain = client.post("/predict", json=body(), headers=headers)
    assert plain.headers["content-type"] == kind


def test_record_can_be_switched_off(client: httpx.Client) -> None:
    answer = post(client, file(record="false"), "application/json").json()
    assert answer["trace_id"] is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sequence": draw(5).astype(np.float64)}, "wrong_datatype"),
        ({"sequence": draw(5).astype(np.float16)}, "wrong_datatype"),
        ({"sequence": draw(5)[0]}, "wrong_shape"),
        ({"sequence": draw(5)[None]}, "wrong_shape"),
        ({"sequence": draw(0)}, "empty_sequence"),
        ({"sequence": draw(2001)}, "too_many_steps"),
        ({"sequence": draw(5, width=7)}, "wrong_width"),
        ({"sequence": np.full((5, 6), np.nan, np.float32)}, "not_finite"),
        ({"sequence": np.full((5, 6), np.inf, np.float32)}, "not_finite"),
        ({"sequence": np.full((5, 6), 1e31, np.float32)}, "not_finite"),
        ({"target": np.full((5, 4), np.inf, np.float32)}, "not_finite"),
        ({"target": np.full((5, 4), 1e31, np.float32)}, "not_finite"),
        ({"target": np.zeros((4, 4), np.float32)}, "wrong_target"),
        ({"target": np.zeros((5, 5), np.float32)}, "wrong_target"),
        ({"target": np.zeros((5, 4), np.int32)}, "wrong_datatype"),
        ({"other": draw(5)}, "unknown_tensor"),
        ({"model": None}, "invalid_request"),
        ({"version": "1.5"}, "invalid_request"),
        ({"version": "one"}, "invalid_request"),
        ({"memory_slots": "true"}, "invalid_request"),
        ({"memory_slots": "513"}, "memory_slots_out_of_range"),
        ({"record": "maybe"}, "invalid_request"),
        ({"include": "outputs"}, "unknown_include"),
        ({"steps": "5"}, "unknown_field"),
    ],
)
def test_wrong_input_is_422_with_a_code(
    client: httpx.Client, changed: dict[str, Any], code: str
) -> None:
    assert code_of(post(client, file(**changed))) == (422, code)


def test_a_tensor_is_no_field(client: httpx.Client) -> None:
    content = save({"sequence": draw(5)}, {**FIELDS, "target": "null"})
    assert code_of(post(client, content)) == (422, "unknown_field")
    content = save({"target": draw(5)}, FIELDS)
    assert code_of(post(client, content)) == (422, "missing_tensor")


def test_unknown_models_and_large_answers(client: httpx.Client) -> None:
    assert code_of(post(client, file(model="nope"))) == (404, "unknown_model")
    assert code_of(post(client, file(version="9"))) == (404, "unknown_version")
    large = file(sequence=draw(2000), include="read_weightings", memory_slots="512")
    assert code_of(post(client, large)) == (413, "response_too_large")


def test_every_damaged_file_is_a_4xx(client: httpx.Client) -> None:
    sound = file()
    length = int.from_bytes(sound[:8], "little")
    damaged = [sound[:cut] for cut in (0, 4, 8, 20, 8 + length, len(sound) - 1)]
    damaged += [sound + b"\0", b"\xff" * 8 + sound[8:], sound[:8] + b"[" * length]
    damaged += [b"\x02\0\0\0\0\0\0\0{}", (2**63).to_bytes(8, "little") + sound[8:]]
    for place in range(8, 8 + length, 3):
        damaged.append(sound[:place] + b"\x80" + sound[place + 1 :])
    for content in damaged:
        status, code = code_of(post(client, content))
        assert (status, code) in {(400, "malformed_body"), (422, "missing_tensor")}, content[:80]
