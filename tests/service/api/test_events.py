"""A session followed live: every piece once, with its outputs, until it ends."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import httpx
import numpy as np
import orjson
import pytest

from service.api import events
from service.api.context import Context
from service.api.subscriptions import HELD, LARGEST, Subscriptions
from service.errors import Overloaded, UnknownSession
from service.http.in_flight import InFlight
from tests.service.bodies import draw, same
from tests.service.running import Server
from tests.service.sessions.streams import begin, outputs, send


def told(lines: Iterator[str]) -> Iterator[tuple[str, int, Any]]:
    """Kind, id and data of events."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "event" in fields:
            yield fields["event"], int(fields["id"]), orjson.loads(fields["data"])
            fields = {}


def test_a_follower_sees_every_piece_as_it_is_answered(
    server: Server, client: httpx.Client
) -> None:
    session, whole = begin(client), draw(9)
    send(client, session, whole[:2])
    with server.client() as other, other.stream("GET", f"/sessions/{session}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        came = told(stream.iter_lines())
        assert next(came) == ("position", 2, {"position": 2})
        for start, stop in ((2, 5), (5, 9)):
            answer = send(client, session, whole[start:stop])
            send(client, session, whole[start:stop], position=start)  # again: no piece of its own
            kind, at, facts = next(came)
            assert (kind, at) == ("piece", stop)
            assert (facts["position"], facts["next_position"]) == (start, stop)
            assert same(np.array(facts["outputs"], np.float32), outputs(answer))
        client.delete(f"/sessions/{session}")
        assert next(came) == ("end", 9, {"position": 9})
        assert next(came, None) is None


def test_a_session_that_is_not_there_is_not_followed(client: httpx.Client) -> None:
    answer = client.get("/sessions/nothing/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_session")


def service(positions: list[int], most: int = 4, workers: int = 2) -> Context:
    """A service in whose store a session is at one position after another, and then no more."""

    async def get(session_id: str) -> Any:
        if not positions:
            raise UnknownSession("gone")
        return SimpleNamespace(position=positions.pop(0))

    context = SimpleNamespace(
        subscriptions=Subscriptions(most),
        work=InFlight(),
        settings=SimpleNamespace(workers=workers, store_in_redis=False),
        sessions=SimpleNamespace(get=get),
    )
    context.work.running = 1
    return cast(Context, context)


def test_a_piece_of_another_process_is_seen_in_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "TICK", 0.0)

    async def main() -> list[tuple[str, int, Any]]:
        parts = [part async for part in events.following(service([3, 3, 8]), "s", 3)]
        return list(told(iter(b"".join(parts).decode().split("\n"))))

    positions, piece, end = asyncio.run(main())
    assert positions[2] == {"position": 3}
    assert piece[2] == {"position": 3, "steps": 5, "next_position": 8, "outputs": None}
    assert end == ("end", 8, {"position": 8})


def test_one_who_leaves_frees_the_place_and_keeps_nobody_from_ending() -> None:
    async def main() -> None:
        context = service([], most=1)
        one = events.following(context, "s", 0)
        await anext(one)
        assert (context.subscriptions.count, context.work.running) == (1, 0)
        with pytest.raises(Overloaded):
            await anext(events.following(context, "s", 0))
        await one.aclose()  # type: ignore[attr-defined]
        assert (context.subscriptions.count, context.work.running) == (0, 1)
        another = events.following(context, "s", 0)
        await anext(another)
        context.subscriptions.publish("s", 0, np.zeros((2, 1), np.float32))
        assert b'"next_position":2' in await anext(another)
        context.work.draining = True
        with pytest.raises(StopAsyncIteration):
            await anext(another)
        assert context.subscriptions.count == 0

    asyncio.run(main())


def test_what_a_slow_follower_holds_is_bounded() -> None:
    async def main() -> None:
        subscriptions = Subscriptions()
        with subscriptions.follow("s") as follower:
            for position in range(3 * HELD):
                subscriptions.publish("s", position, np.zeros((1, 1), np.float32))
            subscriptions.publish("s", 3 * HELD, np.zeros((1, LARGEST // 4 + 1), np.float32))
            pieces = await follower.take(1)
            assert [piece.position for piece in pieces] == list(range(2 * HELD + 1, 3 * HELD + 1))
            assert pieces[-1].outputs is None
            assert pieces[-2].outputs is not None

    asyncio.run(main())
