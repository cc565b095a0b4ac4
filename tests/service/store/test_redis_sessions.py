"""What holds of sessions in Redis when several machines, or one call twice, change one."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.errors import NotFound, UnknownSession, UnknownTrace
from service.records.digests import digest_of
from service.records.session import Piece, Session
from service.settings import Settings
from service.store import Sessions, open_store
from service.store.redis.link import Argument, Link
from tests.service.bodies import draw, same
from tests.service.redis_server import RedisServer
from tests.service.store.test_store import named, trace

SESSION = Session("s", "copy", 1, "d", "onnx", 16, 1000.0, 1000.0)


def opened(redis: RedisServer, owner: str = "") -> Sessions:
    """As one machine has it."""
    return open_store(Settings(store=redis.url), lambda: 1000.0, lambda: owner).sessions


def piece(position: int, seed: int) -> tuple[Piece, Any, dict[str, Any]]:
    """A piece, its inputs and the state after it."""
    inputs = draw(4, seed)
    digest = digest_of(inputs)
    return Piece(position, 4, digest, digest), inputs, {"memory": draw(2, seed)}


def test_of_many_pieces_for_one_position_one_is_taken(redis: RedisServer) -> None:
    async def test() -> None:
        machines = [opened(redis) for _ in range(8)]
        await machines[0].open(SESSION)
        for position in range(0, 40, 4):
            session = await machines[1].get("s")
            assert session.position == position
            tries = [m.advance(session, *piece(position, n)) for n, m in enumerate(machines)]
            taken = await asyncio.gather(*tries)
            assert sum(taken) == 1
            winner = piece(position, taken.index(True))
            now = await machines[2].get("s")
            assert now.last == winner[0]
            assert now.state is not None
            assert same(now.state["memory"], winner[2]["memory"])
        assert (await machines[3].trace("s")).steps == 40

    asyncio.run(test())


def test_a_call_that_ran_without_its_answer_arriving_is_not_run_again(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: Callable[[Link, str, Sequence[Argument]], Any] = Link.run

    async def twice(link: Link, script: str, arguments: Sequence[Argument]) -> Any:
        await run(link, script, arguments)
        return await run(link, script, arguments)

    async def test() -> None:
        sessions = opened(redis)
        await sessions.open(SESSION)
        assert await sessions.advance(SESSION, *piece(0, 1))
        session = await sessions.get("s")
        assert session.position == 4
        assert session.before is None
        _, size = await sessions.usage()
        assert await sessions.advance(session, *piece(4, 2))
        count, larger = await sessions.usage()
        assert (count, (await sessions.get("s")).position) == (1, 8)
        assert size < larger < 3 * size

    monkeypatch.setattr(Link, "run", twice)
    asyncio.run(test())


def test_each_owner_has_their_own(redis: RedisServer) -> None:
    async def test() -> None:
        mine, other = opened(redis, "one"), opened(redis, "two")
        await mine.open(SESSION)
        for ask in (other.get, other.delete):
            with pytest.raises(UnknownSession):
                await ask("s")
        with pytest.raises(UnknownSession):
            await other.advance(SESSION, *piece(0, 1))
        assert (await mine.get("s")).position == 0

    asyncio.run(test())


def test_nothing_is_left_of_what_is_deleted(redis: RedisServer) -> None:
    async def test() -> None:
        sessions = opened(redis)
        await sessions.open(replace(SESSION, session_id="kept"))
        await sessions.open(SESSION)
        await sessions.advance(SESSION, *piece(0, 1))
        await sessions.advance(await sessions.get("s"), *piece(4, 2))
        before = redis.ask("DBSIZE")
        await sessions.delete("s")
        assert (await sessions.usage()) == (1, 512)
        assert redis.ask("DBSIZE") == b":%d\r\n" % (int(before[1:]) - 2)

    asyncio.run(test())


def test_redis_drops_by_itself_what_nobody_asks_for(redis: RedisServer) -> None:
    async def test() -> None:
        sessions = opened(redis)
        await sessions.open(SESSION)
        await sessions.advance(SESSION, *piece(0, 1))

    asyncio.run(test())
    for key in ("{ntm}:session:s", "{ntm}:session:s:pieces"):
        life = int(redis.ask(f"PTTL {key}")[1:])
        assert 3_600_000 < life <= 3_660_000
    assert np.isfinite(life)


JUNK = [
    "DEL {key}|SET {key} junk",
    "DEL {key}|LPUSH {key} junk",
    "HSET {key} created_at junk used_at junk",
    "HSET {key} version junk memory_slots junk",
    "HSET {key} inputs junk state junk before junk",
    "HDEL {key} model version steps created_at used_at",
]


@pytest.mark.parametrize("commands", JUNK)
def test_junk_under_one_key_disturbs_no_other(redis: RedisServer, commands: str) -> None:
    """It is told as if there were none, and the list of its owner goes on without it."""
    store = open_store(Settings(store=redis.url), lambda: 1000.0)

    def spoil(key: str) -> None:
        for command in commands.format(key=key).split("|"):
            redis.ask(command)

    async def test() -> None:
        for number in range(3):
            await store.traces.put(trace(number))
            session = replace(SESSION, session_id=f"{number}")
            await store.sessions.open(session)
            assert await store.sessions.advance(session, *piece(0, number))
        spoil("{ntm}:trace:" + named(1))
        spoil("{ntm}:session:1")
        page, _ = await store.traces.page(None, 10, None)
        listed = {entry["trace_id"] for entry in page}
        assert {named(0), named(2)} <= listed
        for ask in (store.sessions.get, store.sessions.trace):
            with suppress(NotFound):
                await ask("1")  # what is spoiled need not be what is asked for
            assert await ask("2")
        with pytest.raises(UnknownTrace):
            await store.traces.get(named(1))
        assert (await store.traces.get(named(2))).trace_id == named(2)
        await store.traces.usage()
        await store.sessions.usage()
        with suppress(NotFound):
            await store.traces.delete(named(1))
        await store.traces.delete(named(0))
        await store.traces.put(trace(4))
        await store.close()

    asyncio.run(test())
    assert redis.ask("PING").startswith(b"+PONG")
