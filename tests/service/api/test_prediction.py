"""What goes the fast path is answered as on the usual way, and what may not go it does not.

The same requests are sent to `/predict` and to `/predict?`, which is another way to spell it.
"""

import asyncio
import gzip
import itertools
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from safetensors.numpy import save
from uvicorn.server import ServerState

from service.api.prediction import Errand, FastPath
from service.app import create_app
from service.http.connection import Connection
from service.settings import Settings
from tests.service.bodies import body
from tests.service.running import Server, serving

Fields = dict[str, str]
Answer = tuple[int, Fields, bytes]
Ask = Callable[[bytes], Awaitable[list[Answer]]]

JSON = {"content-type": "application/json"}
LONG = body(40, include=["read_weightings", "write_weightings"])
SLOW = {"model": "copy", "version": 1, "sequence": [[0] * 6] * 2000, "memory_slots": 16_384}
TARGET = [[1.0, None, 0.0, 1.0], None, [0.0, 0.0, 0.0, 0.0]]
PINNED = {"at": [1], "what": {"head": "read.0", "stage": "gate"}, "value": 0.5}


def safe(steps: int) -> bytes:
    """A request as safetensors."""
    x = np.random.default_rng(0).normal(size=(steps, 6)).astype(np.float32)
    return save({"sequence": x}, {"model": "copy", "include": '["read_weightings"]'})


def told(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


ALIKE: dict[str, tuple[Fields, bytes]] = {
    "plain": (JSON, told(**body(5))),
    "of no type": ({}, told(**body(5))),
    "as curl says": ({"content-type": "application/x-www-form-urlencoded"}, told(**body(5))),
    "without a trace": (JSON, told(**body(5, record=False))),
    "with an id": ({**JSON, "x-request-id": "of/mine-1"}, told(**body(5))),
    "with an id that cannot be": ({**JSON, "x-request-id": "a b"}, told(**body(5))),
    "weightings": (JSON, told(**LONG)),
    "weightings, deflated": ({**JSON, "accept-encoding": "br, gzip"}, told(**LONG)),
    "short, deflated if long": ({**JSON, "accept-encoding": "gzip"}, told(**body(5))),
    "more than is encoded at once": (JSON, told(**{**LONG, "memory_slots": 900})),
    "as safetensors": ({**JSON, "accept": "application/vnd.safetensors"}, told(**LONG)),
    "from safetensors": ({"content-type": "application/vnd.safetensors"}, safe(9)),
    "a target": (JSON, told(**body(3, target=TARGET))),
    "interventions": (JSON, told(**body(5, interventions=[PINNED]))),
    "another version": (JSON, told(**body(5, version=2))),
    "no JSON": (JSON, b"{"),
    "nothing": (JSON, b""),
    "an array": (JSON, b"[]"),
    "no model of ours": (JSON, told(**body(5, model="nobody"))),
    "no such version": (JSON, told(**body(5, version=9))),
    "no steps": (JSON, told(model="copy", sequence=[])),
    "too narrow": (JSON, told(model="copy", sequence=[[1, 0]])),
    "ragged": (JSON, told(model="copy", sequence=[[1, 0], [1]])),
    "not finite": (JSON, b'{"model": "copy", "sequence": [[1e999, 0, 0, 0, 0, 0]]}'),
    "an unknown field": (JSON, told(**body(5, stuff=1))),
    "a wrong intervention": (JSON, told(**body(5, interventions=[{"at": 3}]))),
    "too long a timeout": (JSON, told(**body(5, timeout=1e6))),
    "no time": (JSON, told(**SLOW, timeout=1e-9)),
    "a type of its own": ({"content-type": "text/csv"}, b"1,2,3"),
    "broken safetensors": ({"content-type": "application/vnd.safetensors"}, b"12345678"),
}


def request(path: str, fields: Fields, content: bytes, method: str = "POST") -> bytes:
    """As it goes over the wire."""
    lines = [f"{name}: {value}" for name, value in {"host": "x", **fields}.items()]
    if "transfer-encoding" not in fields:
        lines.append(f"content-length: {len(content)}")
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "\r\n"]).encode() + content


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next answer on a connection, its body inflated."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode()
    first, *lines = head.strip().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    content = await reader.readexactly(int(fields["content-length"]))
    if fields.get("content-encoding") == "gzip":
        content = gzip.decompress(content)
    return int(first.split()[1]), fields, content


def comparable(answer: Answer) -> tuple[int, list[tuple[str, str]], Any]:
    """An answer without what is new each time."""
    status, fields, content = answer
    new = {"date", "x-request-id", *(["content-length"] if "content-encoding" in fields else [])}
    kept = {name: value for name, value in fields.items() if name not in new}
    if fields["content-type"] == "application/json":
        value = json.loads(content)
        assert re.fullmatch("[0-9a-f]{36}", value.pop("trace_id", None) or "0" * 36)
        return status, sorted(kept.items()), value
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"].pop("trace_id")
    return status, sorted(kept.items()), (header, content[8 + size :])


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service."""
    with serving(repository, tmp_path_factory.mktemp("service"), engine="native") as server:
        yield server


@pytest.fixture(scope="module")
def copies(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model alone, which is soon loaded."""
    models = tmp_path_factory.mktemp("copies")
    (models / "copy").symlink_to(repository / "copy")
    return models


@pytest.fixture(autouse=True)
def no_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this process may have imported what makes them."""
    monkeypatch.setattr("service.api.prediction.SPANS", "nothing.that.is.there")


@asynccontextmanager
async def listening(
    models: Path, folder: Path, **settings: Any
) -> AsyncIterator[tuple[Any, list[Connection], list[bytes]]]:
    """A service in this process: its address, its connections, and the bodies on the fast path."""
    app = create_app(Settings(models=models, data=folder, engine="onnx", **settings))
    took: list[bytes] = []

    class Spied(FastPath):
        def begin(self, scope: Any, body: bytes, write: Any) -> Errand:
            took.append(body)
            return super().begin(scope, body, write)

    app.state.fast_path.__class__ = Spied
    made: list[Connection] = []

    def connection() -> Connection:
        made.append(
            Connection(
                config=config,
                server_state=state,
                app_state={},
                count=lambda connections: None,
                fast_path=app.state.fast_path,
            )
        )
        return made[-1]

    config, state = uvicorn.Config(app, log_config=None), ServerState()
    config.load()
    async with app.router.lifespan_context(app):
        server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
        yield server.sockets[0].getsockname(), made, took
        server.close()


@pytest.mark.parametrize("name", ALIKE)
def test_both_ways_give_the_same_answer(server: Server, name: str) -> None:
    fields, content = ALIKE[name]

    async def main() -> list[Answer]:
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        answers = []
        for path in ("/predict", "/predict?", "/predict"):
            writer.write(request(path, fields, content))
            answers.append(await read_answer(reader))
        writer.close()
        return answers

    fast, usual, again = asyncio.run(main())
    assert comparable(fast) == comparable(usual) == comparable(again)
    ids = [answer[1]["x-request-id"] for answer in (fast, usual, again)]
    assert len(set(ids)) == (1 if ids[0] == fields.get("x-request-id") else 3)
    expected = [name.lower() for name in usual[1] if name not in ("date", "server")]
    assert sorted(fast[1]) == sorted([*expected, *({"date", "server"} & set(usual[1]))])


def test_it_is_counted_and_told_as_on_the_usual_way(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path, engine="native") as server, server.client() as client:
        for path in ("/predict", "/predict?"):
            for asked in (body(5), body(5, model="nobody")):
                client.post(path, json=asked, headers={"x-request-id": "mine"})
        metrics = client.get("/metrics").text
    for status, code, model in ((200, "ok", "copy"), (404, "unknown_model", "")):
        labels = f'code="{code}",model="{model}",route="/predict",status="{status}"'
        assert f"ntm_requests_total{{{labels}}} 2.0" in metrics
    assert 'ntm_request_seconds_count{route="/predict"} 4.0' in metrics
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    mine = [line for line in lines if line.get("request_id") == "mine"]
    for line in mine:
        assert line.pop("seconds") > 0
        del line["time"]
    assert mine[:2] == mine[2:]
    assert len(mine) == 4


def asked(count: int = 1, **changes: Any) -> bytes:
    """Requests that go the fast path unless something is changed."""
    told = {"path": "/predict", "fields": JSON, "content": ALIKE["plain"][1]} | changes
    return request(**told) * count


UNUSUAL = {
    "a query": asked(path="/predict?a=1"),
    "another path": asked(path="/%70redict"),
    "a method": asked(method="PUT"),
    "deflated": asked(
        fields={**JSON, "content-encoding": "gzip"}, content=gzip.compress(ALIKE["plain"][1])
    ),
    "in chunks": asked(
        fields={**JSON, "transfer-encoding": "chunked"},
        content=b"%x\r\n%s\r\n0\r\n\r\n" % (len(ALIKE["plain"][1]), ALIKE["plain"][1]),
    ),
    "through a proxy": asked(fields={**JSON, "x-forwarded-for": "1.2.3.4"}),
    "the last": asked(fields={**JSON, "connection": "close"}),
    "large": asked(content=ALIKE["plain"][1] + b" " * 2**16),
}


def test_the_unusual_goes_the_usual_way(copies: Path, tmp_path: Path) -> None:
    async def main() -> dict[str, tuple[int, int]]:
        got = {}
        async with listening(copies, tmp_path) as (address, _, took):
            for name, sent in UNUSUAL.items():
                reader, writer = await asyncio.open_connection(*address)
                writer.write(asked())
                await read_answer(reader)
                assert took.pop()
                writer.write(sent)
                status, *_ = await read_answer(reader)
                got[name] = status, len(took)
                writer.close()
        return got

    expected = {name: (405 if name == "a method" else 200, 0) for name in UNUSUAL}
    assert asyncio.run(main()) == expected


def test_who_wants_spans_has_them_on_the_usual_way(
    copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api.prediction.SPANS", "asyncio")  # which is there

    async def main() -> tuple[int, int]:
        async with listening(copies, tmp_path) as (address, _, took):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(asked())
            status, *_ = await read_answer(reader)
            writer.close()
            return status, len(took)

    assert asyncio.run(main()) == (200, 0)


def test_requests_sent_together_are_answered_in_turn(copies: Path, tmp_path: Path) -> None:
    """Some on the fast path, some behind one on it, one split in the middle of its body."""
    live = request("/v2/health/live", {}, b"", "GET")
    bad = asked(content=b"{")
    sent = [asked(), live, bad, bad, live, asked(2), live, bad, asked(), live]
    statuses = [200, 200, 400, 400, 200, 200, 200, 200, 400, 200, 200]

    async def main(pieces: list[bytes]) -> list[Answer]:
        async with listening(copies, tmp_path) as (address, _, took):
            reader, writer = await asyncio.open_connection(*address)
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.01)
            answers = [await read_answer(reader) for _ in statuses]
            writer.close()
            assert took
            return answers

    whole, first = b"".join(sent), len(asked())
    for cuts in ([], [first - 9], [first + 40], range(97, len(whole), 97)):
        edges = [0, *cuts, len(whole)]
        pieces = [whole[start:end] for start, end in itertools.pairwise(edges)]
        got = asyncio.run(main(pieces))
        assert [status for status, *_ in got] == statuses
        outputs = [b'"outputs"' in content for *_, content in got]
        assert outputs == [True, *[False] * 4, True, True, False, False, True, False]


def test_one_who_does_not_read_is_not_answered_any_more(copies: Path, tmp_path: Path) -> None:
    """Answers would pile up here otherwise."""
    count, sized = 400, body(20, include=["read_weightings"], memory_slots=128, record=False)

    async def main() -> int:
        async with listening(copies, tmp_path) as (address, made, took):
            _, writer = await asyncio.open_connection(*address, limit=2**10)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(asked(count, content=told(**sized)))
            until, before = time.monotonic() + 20, -1
            while time.monotonic() < until and before != len(took):
                before = len(took)
                await asyncio.sleep(1)
            kept = made[0].transport.get_write_buffer_size()
            writer.transport.abort()
            return kept

    assert asyncio.run(main()) < 2**20


def test_who_left_has_no_place_any_more(copies: Path, tmp_path: Path) -> None:
    long = told(model="copy", version=1, sequence=[[0] * 6] * 3000)

    async def main() -> None:
        async with listening(copies, tmp_path) as (address, made, took):
            _, writer = await asyncio.open_connection(*address)
            writer.write(asked(content=long))
            while not took:
                await asyncio.sleep(0.001)
            context = made[0].config.app.state.context
            scheduler = context.models.get("copy", 1).scheduler
            await asyncio.sleep(0.02)
            assert 0 < scheduler.queued_steps <= 3000
            writer.transport.abort()
            await asyncio.sleep(0.05)
            assert scheduler.queued_steps == 0
            assert context.work.running == 0
            text = context.metrics.text().decode()
            assert 'ntm_sequences_total{model="copy",outcome="cancelled",version="1"} 1.0' in text
            assert 'code="client_gone",model="copy",route="/predict",status="499"} 1.0' in text

    asyncio.run(main())


def test_a_key_is_asked_for(copies: Path, tmp_path: Path) -> None:
    """A wrong one goes the usual way, and is told there; whose a trace is is remembered."""

    async def main() -> None:
        async with listening(copies, tmp_path, api_keys="one,two") as (address, _, took):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(asked() + asked(fields={**JSON, "x-api-key": "three"}))
            assert [(await read_answer(reader))[0] for _ in range(2)] == [401, 401]
            assert took == []
            writer.write(asked(fields={**JSON, "x-api-key": "one"}))
            status, _, content = await read_answer(reader)
            assert (status, len(took)) == (200, 1)
            trace = "/trace/" + json.loads(content)["trace_id"]
            for key, expected in (("one", 200), ("two", 404)):
                writer.write(request(trace, {"x-api-key": key}, b"", "GET"))
                assert (await read_answer(reader))[0] == expected
            writer.close()

    asyncio.run(main())


def test_a_defect_is_told_without_its_insides(
    copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("inside")

    async def main() -> list[Answer]:
        async with listening(copies, tmp_path) as (address, _, took):
            reader, writer = await asyncio.open_connection(*address)
            answers = []
            for what in ("understand", "answer"):
                with monkeypatch.context() as broken:
                    broken.setattr(f"service.api.prediction.{what}", fail)
                    writer.write(asked())
                    answers.append(await read_answer(reader))
            writer.write(asked())
            answers.append(await read_answer(reader))
            assert len(took) == 3
            writer.close()
            return answers

    *broken, whole = asyncio.run(main())
    for status, _, content in broken:
        assert status == 500
        assert json.loads(content) == {"error": "internal error", "code": "internal_error"}
    assert caplog.text.count("ZeroDivisionError: inside") == 2
    assert whole[0] == 200
