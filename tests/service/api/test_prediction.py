"""POST /predict over raw connections: the short way and FastAPI's give the same, right answers."""

import asyncio
import gzip
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from safetensors.numpy import load, save

from service.api import predict
from tests import random_models, reference, small_models
from tests.service.bodies import Float, body, draw
from tests.service.connections import Answer, Fields, listening, read_answer, request
from tests.service.running import serving

JSON = {"content-type": "application/json"}
SAFE = "application/vnd.safetensors"
BOTH = ["read_weightings", "write_weightings"]
LONG = body(40, include=BOTH)
SLOW = {"model": "copy", "version": 1, "sequence": [[0] * 6] * 2000, "memory_slots": 16_384}
TARGET = [[1.0, None, 0.0, 1.0], None, [0.0, 0.0, 0.0, 0.0]]
PINNED = {"steps": "1:3", "head": "read.0", "set": {"gate": 0.5}}


class Case(NamedTuple):
    """A request, what it should be answered with, and whether a trace of it is stored."""

    content: bytes
    fields: Fields = JSON
    status: int = 200
    code: str = "ok"
    is_traced: bool = True


def encoded(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def safe(steps: int, **fields: str) -> bytes:
    """A request as safetensors."""
    return save({"sequence": draw(steps)}, {"model": "copy", "version": "1", **fields})


def refused(content: bytes, status: int, code: str, fields: Fields = JSON) -> Case:
    return Case(content, fields, status, code)


PLAIN = encoded(**body(5))
CASES: dict[str, Case] = {
    "plain": Case(PLAIN),
    "of no type": Case(PLAIN, {}),
    "as curl says": Case(PLAIN, {"content-type": "application/x-www-form-urlencoded"}),
    "without a trace": Case(encoded(**body(5, record=False)), is_traced=False),
    "with an id": Case(PLAIN, {**JSON, "x-request-id": "of/mine-1"}),
    "with an id that cannot be": Case(PLAIN, {**JSON, "x-request-id": "a b"}),
    "weightings": Case(encoded(**LONG)),
    "weightings, deflated": Case(encoded(**LONG), {**JSON, "accept-encoding": "br, gzip"}),
    "short, deflated if long": Case(PLAIN, {**JSON, "accept-encoding": "gzip"}),
    "more than is encoded at once": Case(encoded(**{**LONG, "memory_slots": 900})),
    "as safetensors": Case(encoded(**LONG), {**JSON, "accept": SAFE}),
    "from safetensors": Case(safe(9, include=",".join(BOTH)), {"content-type": SAFE}),
    "safetensors both ways": Case(safe(9), {"content-type": SAFE, "accept": SAFE}),
    "a target": Case(encoded(**body(3, target=TARGET))),
    "interventions": Case(encoded(**body(5, include=BOTH, interventions=[PINNED]))),
    "another version": Case(encoded(**body(5, version=2))),
    "sent deflated": Case(gzip.compress(PLAIN), {**JSON, "content-encoding": "gzip"}),
    "large": Case(PLAIN + b" " * 2**17),
    "no JSON": refused(b"{", 400, "malformed_body"),
    "nothing": refused(b"", 400, "malformed_body"),
    "an array": refused(b"[]", 400, "malformed_body"),
    "no model of ours": refused(encoded(**body(5, model="nobody")), 404, "unknown_model"),
    "no such version": refused(encoded(**body(5, version=9)), 404, "unknown_version"),
    "no steps": refused(encoded(model="copy", sequence=[]), 422, "empty_sequence"),
    "too narrow": refused(encoded(model="copy", sequence=[[1, 0]]), 422, "wrong_width"),
    "ragged": refused(encoded(model="copy", sequence=[[1, 0], [1]]), 422, "ragged_sequence"),
    "not finite": refused(
        b'{"model": "copy", "sequence": [[1e999, 0, 0, 0, 0, 0]]}', 400, "malformed_body"
    ),
    "an unknown field": refused(encoded(**body(5, stuff=1)), 422, "unknown_field"),
    "a wrong intervention": refused(
        encoded(**body(5, interventions=[{"at": 3}])), 422, "wrong_intervention"
    ),
    "too long a timeout": refused(encoded(**body(5, timeout=1e6)), 422, "invalid_request"),
    "no time": refused(encoded(**SLOW, timeout=1e-9), 504, "deadline_exceeded"),
    "a type of its own": refused(
        b"1,2", 415, "unsupported_media_type", {"content-type": "text/csv"}
    ),
    "broken safetensors": refused(b"12345678", 400, "malformed_body", {"content-type": SAFE}),
}


@pytest.fixture(scope="module")
def copies(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model alone, which is soon loaded."""
    models = tmp_path_factory.mktemp("copies")
    (models / "copy").symlink_to(repository / "copy")
    return models


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What an application tells of requests that FastAPI's router answers."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


async def ask(models: Path, folder: Path, contents: dict[str, bytes]) -> dict[str, Answer]:
    """The answers to requests on one connection."""
    async with listening(models, folder) as server:
        reader, writer = await server.connect()
        answers = {}
        for name, content in contents.items():
            writer.write(content)
            answers[name] = await read_answer(reader)
        writer.close()
        assert server.context.work.running == 0
        return answers


def facts_and_tensors(answer: Answer) -> tuple[dict[str, Any], dict[str, Float]]:
    """An answer of either kind, alike."""
    if answer.fields["content-type"] == SAFE:
        size = int.from_bytes(answer.content[:8], "little")
        facts = json.loads(answer.content[8 : 8 + size])["__metadata__"]
        return facts, load(answer.content)
    facts = json.loads(answer.content)
    names = facts.keys() & {"outputs", *BOTH}
    return facts, {name: np.array(facts.pop(name), np.float32) for name in names}


def is_well_answered(case: Case, answer: Answer) -> None:
    """Status, code and trace id are those that a case should have."""
    assert answer.status == case.status, answer.content[:200]
    if case.status != 200:
        assert json.loads(answer.content)["code"] == case.code
        return
    trace_id = facts_and_tensors(answer)[0]["trace_id"]
    assert not case.is_traced or re.fullmatch("[0-9a-f]{36}", trace_id)
    assert case.is_traced or trace_id is None


def comparable(answer: Answer) -> Any:
    """An answer without what is new each time."""
    new = {"date", "x-request-id", "content-length"}
    kept = sorted((name, value) for name, value in answer.fields.items() if name not in new)
    if answer.status != 200:
        return kept, answer.content
    facts, tensors = facts_and_tensors(answer)
    facts.pop("trace_id")
    return kept, facts, {name: (t.shape, t.tobytes()) for name, t in tensors.items()}


def test_the_short_way_and_fastapi_s_give_the_same(
    copies: Path, tmp_path: Path, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {name: request("/predict", case.fields, case.content) for name, case in CASES.items()}
    routed = asyncio.run(ask(copies, tmp_path / "routed", sent))
    names = [span.name for span in spans.get_finished_spans()]
    assert names.count("POST /predict") == len(CASES)
    monkeypatch.undo()
    short = asyncio.run(ask(copies, tmp_path / "short", sent))
    assert len(spans.get_finished_spans()) == len(names)
    for name, case in CASES.items():
        is_well_answered(case, short[name])
        is_well_answered(case, routed[name])
        assert comparable(short[name]) == comparable(routed[name]), name
        assert sorted(short[name].fields) == sorted(routed[name].fields), name
        given = case.fields.get("x-request-id", "")
        for answer in (short[name], routed[name]):
            assert (answer.fields["x-request-id"] == given) == (name == "with an id")
    plain = reference_outputs(5)
    for name in ("plain", "large", "sent deflated"):
        outputs = facts_and_tensors(short[name])[1]["outputs"]
        np.testing.assert_allclose(outputs, plain, atol=1e-4)
    for name in ("from safetensors", "safetensors both ways"):
        outputs = facts_and_tensors(short[name])[1]["outputs"]
        np.testing.assert_allclose(outputs, reference_outputs(9), atol=1e-4)
    edited = facts_and_tensors(short["interventions"])[1]
    assert np.abs(edited["outputs"] - plain).max() > 1e-4
    assert short["weightings, deflated"].fields["content-encoding"] == "gzip"
    assert "content-encoding" not in short["short, deflated if long"].fields


def reference_outputs(steps: int) -> Any:
    """The outputs for `body(steps)`, from the equations."""
    model = small_models.make("copy")
    slots = model.config.N
    weights = random_models.weights_of(model)
    walked = reference.run(model.config, weights, draw(steps).astype(float), slots)
    return np.stack([step.output for step in walked])


def test_it_is_counted_and_logged(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path, engine="native") as server, server.client() as client:
        for asked in (body(5), body(5, model="nobody")):
            client.post("/predict", json=asked, headers={"x-request-id": "mine"})
        metrics = client.get("/metrics").text
        assert server.stop() == 0  # all that is logged is written
    for status, code, model in ((200, "ok", "copy"), (404, "unknown_model", "")):
        labels = f'code="{code}",model="{model}",route="/predict",status="{status}"'
        assert f"ntm_requests_total{{{labels}}} 1.0" in metrics
    assert 'ntm_request_seconds_count{route="/predict"} 2.0' in metrics
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    mine = [line for line in lines if line.get("request_id") == "mine"]
    assert [(line["route"], line["status"], line["code"]) for line in mine] == [
        ("/predict", 200, "ok"),
        ("/predict", 404, "unknown_model"),
    ]


def asked(count: int = 1, **changes: Any) -> bytes:
    """Requests that are answered unless something is changed."""
    arguments = {"path": "/predict", "fields": JSON, "content": PLAIN} | changes
    return request(**arguments) * count


UNUSUAL = {
    "a query": (asked(path="/predict?a=1"), 200),
    "another spelling": (asked(path="/%70redict"), 200),
    "a method": (asked(method="PUT"), 405),
    "a slash": (asked(path="/predict/", fields={**JSON, "host": "evil.example"}), 404),
    "in chunks": (
        asked(
            fields={**JSON, "transfer-encoding": "chunked"},
            content=b"%x\r\n%s\r\n0\r\n\r\n" % (len(PLAIN), PLAIN),
        ),
        200,
    ),
    "through a proxy": (asked(fields={**JSON, "x-forwarded-for": "1.2.3.4"}), 200),
    "the last": (asked(fields={**JSON, "connection": "close"}), 200),
}


def test_the_unusual_is_answered_as_well(copies: Path, tmp_path: Path) -> None:
    async def main() -> dict[str, int]:
        got = {}
        async with listening(copies, tmp_path) as server:
            for name, (sent, _) in UNUSUAL.items():
                reader, writer = await server.connect()
                writer.write(sent)
                answer = await read_answer(reader)
                assert "location" not in answer.fields
                got[name] = answer.status
                writer.close()
        return got

    assert asyncio.run(main()) == {name: status for name, (_, status) in UNUSUAL.items()}


def test_pages_of_other_origins_are_answered_too(copies: Path, tmp_path: Path) -> None:
    origin = "https://lab.example"

    async def main() -> Answer:
        async with listening(copies, tmp_path, cors_origins=origin) as server:
            reader, writer = await server.connect()
            writer.write(asked(fields={**JSON, "origin": origin}))
            answer = await read_answer(reader)
            writer.close()
            return answer

    answer = asyncio.run(main())
    assert (answer.status, answer.fields["access-control-allow-origin"]) == (200, origin)


def test_requests_sent_together_are_answered_in_turn(copies: Path, tmp_path: Path) -> None:
    """Also where packets end anywhere."""
    live = request("/v2/health/live", {}, b"", "GET")
    bad = asked(content=b"{")
    sent = [asked(), live, bad, bad, live, asked(2), live, bad, asked(), live]
    statuses = [200, 200, 400, 400, 200, 200, 200, 200, 400, 200, 200]

    async def main(pieces: list[bytes]) -> list[Answer]:
        async with listening(copies, tmp_path) as server:
            reader, writer = await server.connect()
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.005)
            answers = [await read_answer(reader) for _ in statuses]
            writer.close()
            return answers

    whole, first = b"".join(sent), len(asked())
    for cuts in ([], [first - 9], [first + 40], range(97, len(whole), 97)):
        edges = [0, *cuts, len(whole)]
        got = asyncio.run(main([whole[a:b] for a, b in itertools.pairwise(edges)]))
        assert [answer.status for answer in got] == statuses
        outputs = [b'"outputs"' in answer.content for answer in got]
        assert outputs == [True, *[False] * 4, True, True, False, False, True, False]


async def until(is_true: Callable[[], bool]) -> None:
    """Give the event loop its turns until something holds."""
    async with asyncio.timeout(60):
        while not is_true():
            await asyncio.sleep(0.001)


def test_answers_do_not_pile_up_where_nobody_reads(copies: Path, tmp_path: Path) -> None:
    count, sized = 400, body(20, include=["read_weightings"], memory_slots=128, record=False)

    async def main() -> int:
        async with listening(copies, tmp_path) as server:
            _, writer = await server.connect(limit=2**10)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(asked(count, content=encoded(**sized)))
            await until(lambda: bool(server.connections) and server.connections[0].flow is not None)
            connection = server.connections[0]
            await until(lambda: connection.flow.write_paused)
            await asyncio.sleep(0.2)
            held = connection.transport.get_write_buffer_size()
            writer.transport.abort()
            return held

    assert asyncio.run(main()) < 2**20


def test_who_left_has_no_place_any_more(copies: Path, tmp_path: Path) -> None:
    long = encoded(model="copy", version=1, sequence=[[0] * 6] * 3000, memory_slots=2000)

    async def main() -> None:
        async with listening(copies, tmp_path) as server:
            _, writer = await server.connect()
            writer.write(asked(content=long))
            scheduler = server.context.models.get("copy", 1).scheduler
            await until(lambda: scheduler.queued_steps > 0)
            writer.transport.abort()
            await until(lambda: server.context.work.running == 0)
            assert scheduler.queued_steps == 0
            await asyncio.sleep(0)
            text = server.context.metrics.text().decode()
            assert 'ntm_sequences_total{model="copy",outcome="cancelled",version="1"} 1.0' in text
            assert 'code="client_gone",model="copy",route="/predict",status="499"} 1.0' in text

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/predict", "/sessions", "/v2/models/copy/infer"])
@pytest.mark.parametrize("fields", [{}, {"transfer-encoding": "chunked"}])
def test_who_leaves_in_a_body_is_no_error_of_ours(
    copies: Path, tmp_path: Path, caplog: Any, path: str, fields: Fields
) -> None:
    started = asked(path=path, fields={**JSON, **fields})
    started = started[: -len(PLAIN)] + (b"2\r\n{" if fields else b"{")

    async def main() -> None:
        async with listening(copies, tmp_path) as server:
            _, writer = await server.connect()
            writer.write(started)
            await until(lambda: server.context.work.running == 1)
            writer.transport.abort()
            await until(lambda: server.context.work.running == 0)

    asyncio.run(main())
    assert not [record for record in caplog.records if record.exc_info], caplog.text
    assert "ERROR" not in caplog.text


def test_one_answer_that_cannot_be_sent_holds_up_nobody(copies: Path, tmp_path: Path) -> None:
    """Of many that are walked together, half the clients leave while they are."""

    async def main() -> list[int]:
        async with listening(copies, tmp_path) as server:
            scheduler = server.context.models.get("copy", 1).scheduler
            both = [await server.connect() for _ in range(16)]
            for _, writer in both:
                writer.write(asked(content=encoded(**body(400))))
            await until(lambda: server.context.work.running == len(both))
            for _, writer in both[::2]:
                writer.transport.abort()
            answers = [await read_answer(reader) for reader, _ in both[1::2]]
            await until(lambda: server.context.work.running == 0)
            assert scheduler.queued_steps == 0
            return [answer.status for answer in answers]

    assert asyncio.run(main()) == [200] * 8


def test_a_key_is_needed_and_owns_the_traces(copies: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with listening(copies, tmp_path, api_keys="one,two") as server:
            reader, writer = await server.connect()
            writer.write(asked() + asked(fields={**JSON, "x-api-key": "three"}))
            assert [(await read_answer(reader)).status for _ in range(2)] == [401, 401]
            writer.write(asked(fields={**JSON, "x-api-key": "one"}))
            answer = await read_answer(reader)
            assert answer.status == 200
            path = "/trace/" + json.loads(answer.content)["trace_id"]
            for key, expected in (("one", 200), ("two", 404)):
                writer.write(request(path, {"x-api-key": key}, b"", "GET"))
                assert (await read_answer(reader)).status == expected
            writer.close()

    asyncio.run(main())


def test_a_defect_is_told_without_its_insides(
    copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("inside")

    async def main() -> list[Answer]:
        async with listening(copies, tmp_path) as server:
            reader, writer = await server.connect()
            answers = []
            for name in ("understand", "answer"):
                with monkeypatch.context() as broken:
                    broken.setattr(predict, name, fail)
                    writer.write(asked())
                    answers.append(await read_answer(reader))
            writer.write(asked())
            answers.append(await read_answer(reader))
            writer.close()
            return answers

    *broken, whole = asyncio.run(main())
    for answer in broken:
        assert answer.status == 500
        assert json.loads(answer.content) == {"error": "internal error", "code": "internal_error"}
    assert caplog.text.count("ZeroDivisionError: inside") == 2
    assert whole.status == 200
