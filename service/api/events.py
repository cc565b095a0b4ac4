"""GET /sessions/{id}/events: a session followed live, as server-sent events.

A piece that another process answers is seen in the store, a moment later and without its outputs;
`GET /trace/{session_id}?steps=` has them.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from service.api.context import Context, context_of
from service.api.documents import errors
from service.api.subscriptions import LARGEST, Answered, Follower
from service.errors import StoreUnavailable, UnknownSession
from service.memory import take

router = APIRouter(prefix="/sessions", tags=["sessions"])

TICK = 1.0  # seconds
QUIET = 15  # ticks after which a line is sent so that proxies keep the connection
COPIES = 4  # of a piece's outputs: numbers, text, and both for the next one
SHAPE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "events `position` (where the session is), `piece` (`position`, `steps`, "
        "`next_position`, `outputs` or null) and `end`",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **errors(404, 422, 503),
}


@router.get("/{session_id}/events", responses=SHAPE)
async def follow_session(request: Request, session_id: str) -> Response:
    """Follow a session: every piece's position and outputs as it is answered."""
    context = context_of(request)
    position = (await context.sessions.get(session_id)).position
    take("answers", COPIES * LARGEST)
    events = following(context, session_id, position)
    started = await anext(events)  # so that it is refused before it is answered
    return StreamingResponse(
        resumed(started, events),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def resumed(first: bytes, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Events with the first one that has been taken already."""
    async with aclosing(events):  # type: ignore[type-var]
        yield first
        async for event in events:
            yield event


async def following(context: Context, session_id: str, position: int) -> AsyncIterator[bytes]:
    """The events of a session from a position on, until it ends or the service does.

    Raises:
        Overloaded: too many are followed
    """
    with context.subscriptions.follow(session_id) as follower, context.work.idle():
        yield event("position", position, {"position": position})
        quiet = 0
        while not context.work.draining:
            pieces = await follower.take(TICK)
            quiet = 0 if pieces else quiet + 1
            if not pieces and is_time_to_look(context, quiet):
                pieces = await seen_in_store(context, session_id, position, follower)
            for piece in pieces:
                if piece.position >= position:
                    position = piece.position + piece.steps
                    yield event("piece", position, facts_of(piece))
            if follower.ended:
                yield event("end", position, {"position": position})
                return
            if quiet and quiet % QUIET == 0:
                yield b":\n\n"


def is_time_to_look(context: Context, quiet: int) -> bool:
    """Whether the store is asked: often where other processes answer, too."""
    shared = context.settings.workers > 1 or context.settings.store_in_redis
    return shared or quiet % QUIET == 0


async def seen_in_store(
    context: Context, session_id: str, position: int, follower: Follower
) -> list[Answered]:
    """What others have answered; ends the follower of a session that is no more."""
    try:
        now = (await context.sessions.get(session_id)).position
    except UnknownSession:
        follower.end()
        return []
    except StoreUnavailable:
        return []
    return [Answered(position, now - position, None)] if now > position else []


def facts_of(piece: Answered) -> dict[str, Any]:
    """What is told of a piece."""
    return {
        "position": piece.position,
        "steps": piece.steps,
        "next_position": piece.position + piece.steps,
        "outputs": piece.outputs,
    }


def event(kind: str, position: int, facts: dict[str, Any]) -> bytes:
    """An event; its id is the next step."""
    data = orjson.dumps(facts, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"event: %s\nid: %d\ndata: %s\n\n" % (kind.encode(), position, data)
