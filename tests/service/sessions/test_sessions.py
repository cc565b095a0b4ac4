"""Sessions: the pieces give what one request gives, a retry is safe, errors have codes."""

import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service.bodies import array, draw, same
from tests.service.running import Server, await_that, serving
from tests.service.sessions.streams import at_once, begin, cut, outputs, send


@settings(max_examples=15)
@given(places=st.lists(st.integers(1, 89), max_size=6, unique=True), slots=st.sampled_from([5, 16]))
def test_pieces_give_bit_for_bit_what_one_request_gives(
    client: httpx.Client, places: list[int], slots: int
) -> None:
    sequence = draw(90, seed=3)
    session = begin(client, memory_slots=slots)
    got = [outputs(send(client, session, piece)) for piece in cut(sequence, *sorted(places))]
    assert same(np.concatenate(got), at_once(client, sequence, memory_slots=slots))


@pytest.mark.parametrize("model", ["wide", "learned"])
def test_every_kind_of_state_is_carried(client: httpx.Client, model: str) -> None:
    sequence = draw(30)
    session = begin(client, model=model)
    got = [outputs(send(client, session, piece)) for piece in cut(sequence, 7, 8)]
    assert same(np.concatenate(got), at_once(client, sequence, model=model))


def test_include_adds_the_weightings_of_the_piece(client: httpx.Client) -> None:
    sequence, include = draw(20), ["read_weightings", "write_weightings"]
    body = {"model": "copy", "version": 1, "sequence": sequence.tolist(), "include": include}
    whole = client.post("/predict", json=body).json()
    session = begin(client)
    send(client, session, sequence[:9])
    piece = send(client, session, sequence[9:], include=include).json()
    for name in include:
        assert same(array(piece[name]), array(whole[name])[9:])


def test_an_answer_says_where_it_is(client: httpx.Client) -> None:
    session = begin(client)
    send(client, session, draw(4))
    told = send(client, session, draw(3), position=4).json()
    assert (told["position"], told["steps"], told["next_position"]) == (4, 3, 7)
    assert (told["session_id"], told["model"], told["version"]) == (session, "copy", 1)
    facts = client.get(f"/sessions/{session}").json()
    assert facts["position"] == 7
    assert facts["expires_at"] > facts["used_at"] >= facts["created_at"]


def test_the_same_position_again_gives_the_same_answer_and_does_not_advance(
    client: httpx.Client,
) -> None:
    first, second, third = cut(draw(30), 11, 19)
    session = begin(client)
    for position, piece in ((0, first), (11, second)):
        answers = [send(client, session, piece, position=position) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.content for answer in answers} == {answers[0].content}
    assert client.get(f"/sessions/{session}").json()["position"] == 19
    assert same(outputs(send(client, session, third)), at_once(client, draw(30))[19:])


def test_a_wrong_position_is_a_conflict_and_changes_nothing(client: httpx.Client) -> None:
    session = begin(client)
    send(client, session, draw(5))
    send(client, session, draw(5))
    for position in (0, 4, 6, 11, 10**9):
        answer = send(client, session, draw(5), position=position)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_position")
    other = send(client, session, draw(5, seed=9), position=5)  # the last piece, but another one
    assert (other.status_code, other.json()["code"]) == (409, "wrong_position")
    shorter = send(client, session, draw(5)[:3], position=5)
    assert shorter.status_code == 409
    assert client.get(f"/sessions/{session}").json()["position"] == 10


def test_pieces_sent_at_once_are_taken_one_after_another(server: Server) -> None:
    """Eight clients send the same steps without a position: the session must see all of them."""
    piece = draw(6)
    with server.client() as client:
        session = begin(client)
        whole = at_once(client, np.concatenate([piece] * 8))
    got: dict[int, bytes] = {}

    def run() -> None:
        with server.client() as client:
            told = send(client, session, piece).json()
            got[told["position"]] = array(told["outputs"]).tobytes()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(0, 48, 6))
    assert b"".join(got[position] for position in sorted(got)) == whole.tobytes()


def test_a_retry_beside_its_first_try_is_one_piece(server: Server) -> None:
    with server.client() as client:
        session = begin(client)
    answers: list[bytes] = []

    def run() -> None:
        with server.client() as client:
            answers.append(send(client, session, draw(40), position=0).content)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(set(answers)) == 1


def test_a_session_has_a_trace_of_all_its_pieces(client: httpx.Client) -> None:
    sequence = draw(25)
    session = begin(client)
    for piece in cut(sequence, 3, 20):
        send(client, session, piece)
    trace = client.get(f"/trace/{session}").json()
    assert trace["steps"] == 25
    assert same(array(trace["inputs"]), sequence)
    assert same(array(trace["outputs"]), at_once(client, sequence))
    sliced = client.get(f"/trace/{session}?include=memory,addressing&steps=19:22").json()
    assert np.shape(sliced["memory"]) == (3, 16, 6)
    assert client.get(f"/trace/{session}?format=png").content.startswith(b"\x89PNG")


def test_a_session_without_steps_has_no_trace_yet(client: httpx.Client) -> None:
    answer = client.get(f"/trace/{begin(client)}")
    assert (answer.status_code, answer.json()["code"]) == (409, "unreplayable")


def test_a_deleted_session_is_gone_with_its_trace(client: httpx.Client) -> None:
    session = begin(client)
    send(client, session, draw(5))
    assert client.delete(f"/sessions/{session}").status_code == 204
    for answer in (
        client.get(f"/sessions/{session}"),
        client.delete(f"/sessions/{session}"),
        send(client, session, draw(5)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_session")
    assert client.get(f"/trace/{session}").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "malformed_body"),
        ("[]", 400, "malformed_body"),
        ("{}", 422, "invalid_request"),
        ('{"model": "copy", "sequence": []}', 422, "unknown_field"),
        ('{"model": "none"}', 404, "unknown_model"),
        ('{"model": "copy", "version": 9}', 404, "unknown_version"),
        ('{"model": "copy", "memory_slots": 0}', 422, "memory_slots_out_of_range"),
        ('{"model": "learned", "memory_slots": 8}', 422, "memory_slots_out_of_range"),
    ],
)
def test_a_session_that_cannot_begin(
    client: httpx.Client, body: str, status: int, code: str
) -> None:
    answer = client.post("/sessions", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sequence": []}, "empty_sequence"),
        ({"sequence": [[1, 2]]}, "wrong_width"),
        ({"sequence": [[0] * 6, [0]]}, "ragged_sequence"),
        ({"sequence": [[True] * 6]}, "invalid_request"),
        ({"sequence": [[0] * 6], "position": -1}, "invalid_request"),
        ({"sequence": [[0] * 6], "position": "0"}, "invalid_request"),
        ({"sequence": [[0] * 6], "position": 1.0}, "invalid_request"),
        ({"sequence": [[0] * 6], "include": ["wisdom"]}, "unknown_include"),
        ({"sequence": [[0] * 6], "memory_slots": 4}, "unknown_field"),
        ({"sequence": [[0] * 6] * 1999}, "too_many_steps"),
    ],
)
def test_a_piece_that_is_refused_changes_nothing(
    client: httpx.Client, fields: dict[str, object], code: str
) -> None:
    session = begin(client)
    send(client, session, draw(2))
    answer = client.post(f"/sessions/{session}/steps", json=fields)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.get(f"/sessions/{session}").json()["position"] == 2


def test_idle_sessions_expire_and_their_number_is_bounded(
    repository: Path, tmp_path: Path, emptied: dict[str, Any]
) -> None:
    bounds = {"session_ttl": 1.0, "max_sessions": 2}
    with serving(repository, tmp_path, **bounds, **emptied) as server, server.client() as client:
        kept = list[str]()
        while (asked := client.post("/sessions", json={"model": "copy"})).status_code == 201:
            kept.append(asked.json()["session_id"])  # a slow machine loses some meanwhile
        assert (asked.status_code, asked.json()["code"]) == (503, "sessions_full")
        assert int(asked.headers["retry-after"]) > 0
        assert len(kept) >= 2
        await_that(lambda: client.get(f"/sessions/{kept[-2]}").status_code == 404)
        assert send(client, kept[-2], draw(3)).json()["code"] == "unknown_session"
        await_that(lambda: client.get(f"/sessions/{kept[-1]}").status_code == 404)
        begin(client)


def test_their_bytes_are_bounded(repository: Path, tmp_path: Path, emptied: dict[str, Any]) -> None:
    settings = {"session_bytes": 40_000, **emptied}
    with serving(repository, tmp_path, **settings) as server, server.client() as client:
        session = begin(client, memory_slots=256)  # a state of about 8 KB, kept twice
        assert send(client, session, draw(5)).status_code == 200
        assert send(client, session, draw(5)).status_code == 200
        full = send(client, session, draw(1000))
        assert (full.status_code, full.json()["code"]) == (503, "sessions_full")
        assert client.get(f"/sessions/{session}").json()["position"] == 10
        assert send(client, session, draw(5)).status_code == 200
