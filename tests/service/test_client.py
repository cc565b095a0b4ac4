"""`ntm.client` against a running service, and against a network that loses what it answers."""

import asyncio
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from ntm.client import (
    AsyncClient,
    Client,
    Conflict,
    InvalidRequest,
    NotFound,
    Retries,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from tests.service.bodies import body, draw, same
from tests.service.running import Server


class Losing(httpx.HTTPTransport):
    """Has the service do what it is asked, and loses so many of its answers."""

    lost = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if self.lost:
            self.lost -= 1
            response.read()
            response.close()
            raise httpx.ReadError("the connection was reset", request=request)
        return response


class Full(httpx.HTTPTransport):
    """Answers so often that there is no room, before the service is asked."""

    refusals = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self.refusals:
            return super().handle_request(request)
        self.refusals -= 1
        told = {"error": "the queue is full", "code": "queue_full"}
        return httpx.Response(503, json=told, headers={"Retry-After": "3"}, request=request)


@pytest.fixture
def ours(server: Server) -> Iterator[Client]:
    with Client(server.url, trust_env=False) as client:
        yield client


def test_a_prediction_is_what_the_service_says(ours: Client, client: httpx.Client) -> None:
    sequence = draw(7)
    told = client.post("/predict", json=body(7, include=["read_weightings", "gate"])).json()
    answer = ours.predict("copy", sequence, version=1, include="read_weightings,gate")
    assert same(answer.outputs, np.array(told["outputs"], np.float32))
    assert (answer.model, answer.version, answer.steps) == ("copy", 1, 7)
    assert answer.arrays["read_weightings"].shape == (7, 1, answer.memory_slots)
    assert {"read_weightings", "addressing.read.gate"} <= answer.arrays.keys()
    assert answer.wrong_bits is None
    assert answer.answer is None


def test_an_example_is_predicted_scored_and_traced(ours: Client) -> None:
    (summary,) = [model for model in ours.models() if model.name == "copy"]
    example = ours.example("copy", seed=3, length=2)
    assert example.sequence.shape[1] == summary.input_size
    assert np.isnan(example.target[0]).all()
    answer = ours.predict("copy", example.sequence, target=example.target)
    wanted = ~np.isnan(example.target)
    wrong = (answer.outputs > 0.5)[wanted] != (example.target > 0.5)[wanted]
    assert answer.wrong_bits == wrong.sum()
    assert answer.trace_id is not None
    trace = ours.trace(answer.trace_id)
    assert same(trace["inputs"], example.sequence)
    assert same(trace["outputs"], answer.outputs)
    assert len(ours.trace(answer.trace_id, include="gate", steps="1:3", heads=["read.0"])) == 2
    ours.forget(answer.trace_id)
    with pytest.raises(NotFound, match=answer.trace_id) as caught:
        ours.trace(answer.trace_id)
    assert (caught.value.code, caught.value.status) == ("unknown_trace", 404)


def test_a_run_is_changed_by_interventions(ours: Client) -> None:
    plain = ours.predict("copy", draw(6), record=False)
    ablated = {"steps": ":", "head": "read.0", "set": {"weighting": "zero"}}
    changed = ours.predict("copy", draw(6), record=False, interventions=[ablated])
    assert plain.trace_id is changed.trace_id is None
    assert not same(plain.outputs, changed.outputs)


def test_pieces_of_a_session_are_the_bits_of_one_request(ours: Client) -> None:
    whole, pieces = ours.predict("copy", draw(9)), []
    with ours.session("copy") as session:
        for at in range(0, 9, 2):
            pieces.append(session.feed(draw(9)[at : at + 2]).outputs)
            assert session.position == min(at + 2, 9)
        again = ours.resume(session.id, keep=True)
        assert again.position == 9
        assert same(session.trace()["outputs"], whole.outputs)
    assert same(np.concatenate(pieces), whole.outputs)
    with pytest.raises(NotFound):
        ours.resume(session.id)


def test_a_lost_answer_never_doubles_a_piece(server: Server, ours: Client) -> None:
    whole, pieces, pauses = ours.predict("copy", draw(6)), [], list[float]()
    network = Losing()
    with Client(server.url, transport=network, sleep=pauses.append) as client:
        session = client.session("copy")
        for at in range(0, 6, 3):
            network.lost = 2
            pieces.append(session.feed(draw(6)[at : at + 3]).outputs)
        network.lost = 1
        session.close()  # the second try finds no session, which is what was wanted
    assert same(np.concatenate(pieces), whole.outputs)
    assert len(pauses) == 5
    with pytest.raises(NotFound):
        ours.resume(session.id)


def test_two_who_feed_one_session_are_told(ours: Client) -> None:
    with ours.session("copy") as session:
        other = ours.resume(session.id, keep=True)
        session.feed(draw(3))
        with pytest.raises(Conflict) as caught:
            other.feed(draw(4, seed=2))
    assert caught.value.code == "wrong_position"


def test_a_full_service_is_asked_again_when_it_says(server: Server) -> None:
    pauses, network = list[float](), Full()
    network.refusals = 2
    with Client(server.url, transport=network, sleep=pauses.append) as client:
        assert client.predict("copy", draw(3)).steps == 3
    assert pauses == [3.0, 3.0]
    network = Full()
    network.refusals = 9
    with (
        Client(server.url, transport=network, retries=Retries(most=1), sleep=pauses.append) as few,
        pytest.raises(Unavailable, match="the queue is full") as caught,
    ):
        few.predict("copy", draw(3))
    assert caught.value.code == "queue_full"
    assert network.refusals == 7


def test_pauses_double_up_to_the_longest_and_are_drawn_below_it() -> None:
    retries = Retries(most=4, first=1.0, longest=5.0, draw=lambda: 0.5)
    assert [retries.pause(tried, None) for tried in range(1, 6)] == [0.5, 1.0, 2.0, 2.5, None]
    busy = httpx.Response(503, headers={"Retry-After": "60"})
    assert retries.pause(1, busy) == 5.0
    assert retries.pause(1, httpx.Response(429, headers={"Retry-After": "4"})) == 4.0
    assert retries.pause(1, httpx.Response(504)) is None


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"sequence": [[1.0]]}, "wrong_width"),
        ({"sequence": [[np.nan] * 6]}, "invalid_request"),
        ({"sequence": draw(2), "include": "dreams"}, "unknown_include"),
        ({"text": "Where is Mary?"}, "no_vocabulary"),
    ],
)
def test_what_does_not_fit_is_told_in_the_services_words(
    ours: Client, wrong: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ours.predict("copy", **wrong)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_neither_or_both_of_sequence_and_text_are_a_mistake_in_the_call(ours: Client) -> None:
    with pytest.raises(TypeError, match="one of them"):
        ours.predict("copy")
    with pytest.raises(TypeError, match="one of them"):
        ours.predict("copy", draw(2), text="Where?")


def test_a_service_that_is_not_there_is_unreachable() -> None:
    pauses = list[float]()
    with (
        Client("http://127.0.0.1:9", retries=Retries(most=2), sleep=pauses.append) as nobody,
        pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"),
    ):
        nobody.models()
    assert len(pauses) == 2


def test_a_key_is_sent_and_its_refusal_is_told() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") == "Bearer one":
            return httpx.Response(200, json={"models": [], "broken": []})
        return httpx.Response(401, json={"error": "a key is needed", "code": "unauthorized"})

    transport = httpx.MockTransport(answer)
    assert Client(key="one", transport=transport).models() == []
    with pytest.raises(Unauthorized, match="a key is needed"):
        Client(transport=transport).models()


def test_answers_are_awaited(server: Server, ours: Client) -> None:
    async def run() -> None:
        async with AsyncClient(server.url, trust_env=False) as client:
            answers = await asyncio.gather(*(client.predict("copy", draw(n)) for n in (3, 4, 5)))
            assert [answer.steps for answer in answers] == [3, 4, 5]
            assert [model.name for model in await client.models()]
            assert answers[0].trace_id is not None
            assert same((await client.trace(answers[0].trace_id))["outputs"], answers[0].outputs)
            async with await client.session("copy") as session:
                pieces = [await session.feed(draw(5)[at : at + 1]) for at in range(5)]
                assert same(np.concatenate([p.outputs for p in pieces]), answers[2].outputs)
            with pytest.raises(NotFound):
                await client.resume(session.id)

    asyncio.run(run())
