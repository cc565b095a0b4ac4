"""Sessions in Redis: their state before and after the last piece, and every piece's inputs."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm.signature import State
from service.errors import SessionsFull, Unreplayable
from service.records.session import Piece, Session
from service.records.trace import Trace
from service.store.arrays import pack, pack_state, unpack, unpack_state
from service.store.damage import Damage
from service.store.redis import scripts
from service.store.redis.link import Argument, Link
from service.store.redis.traces import SKEW
from service.store.sessions import RETRY_AFTER, ROW_OVERHEAD, unknown, unknown_trace

FACTS = ("model", "version", "model_digest", "engine", "memory_slots", "created_at", "used_at")


class RedisSessions:
    """See `Sessions`."""

    def __init__(
        self,
        link: Link,
        ttl: float,
        max_sessions: int,
        max_bytes: int,
        clock: Callable[[], float],
        owner: Callable[[], str] = str,
        damage: Damage | None = None,
    ) -> None:
        """As the SQLite store, with a way to Redis in place of a file."""
        self._link, self._damage = link, damage or Damage()
        self._ttl, self._max_sessions, self._max_bytes = ttl, max_sessions, max_bytes
        self._clock, self._owner = clock, owner

    async def open(self, session: Session) -> None:
        """See `Sessions`."""
        facts: dict[str, Argument] = {
            "model": session.model,
            "version": session.version,
            "model_digest": session.model_digest,
            "engine": session.engine,
            "memory_slots": session.memory_slots,
            "created_at": repr(session.created_at),
        }
        fields = [told for pair in facts.items() for told in pair]
        bounds = [ROW_OVERHEAD, self._max_sessions, self._max_bytes, self._life()]
        arguments = [*self._mine(session.session_id), *bounds, repr(session.used_at), *fields]
        what, number = await self._link.run(scripts.OPEN_SESSION, arguments)
        refuse(what, number, self._max_bytes)

    async def get(self, session_id: str) -> Session:
        """See `Sessions`."""
        with self._damage.reading(f"session {session_id:.64}", unknown(session_id)):
            return await self._get(session_id)

    async def _get(self, session_id: str) -> Session:
        names = (*FACTS, "position", "before", "state")
        told = await self._link.run(scripts.GET_SESSION, [*self._mine(session_id), *names])
        if told is None:
            raise unknown(session_id)
        last_position, *facts, position, before, state, piece = told
        last = None
        if last_position is not None:
            last, _ = unpack_piece(int(last_position), piece)
        return replace(
            session_of(session_id, facts),
            position=int(position),
            last=last,
            before=None if before is None else unpack_state(before),
            state=None if state is None else unpack_state(state),
        )

    async def advance(
        self, session: Session, piece: Piece, inputs: NDArray[np.float32], state: State
    ) -> bool:
        """See `Sessions`."""
        blob, packed = pack(inputs), pack_state(state)
        arguments = [
            *self._mine(session.session_id),
            len(blob) + ROW_OVERHEAD,
            secrets.token_hex(8),
            self._max_bytes,
            self._life(),
            repr(self._clock()),
            piece.position,
            piece.position + piece.steps,
            packed,
            pack_piece(piece, blob),
        ]
        with self._damage.reading(f"session {session.session_id}", unknown(session.session_id)):
            what, number = await self._link.run(scripts.ADVANCE_SESSION, arguments)
        if what == b"unknown":
            raise unknown(session.session_id)
        refuse(what, number, self._max_bytes)
        return bool(what == b"advanced")

    async def delete(self, session_id: str) -> None:
        """See `Sessions`."""
        with self._damage.reading(f"session {session_id:.64}", unknown(session_id)):
            if not await self._link.run(scripts.DELETE_SESSION, self._mine(session_id)):
                raise unknown(session_id)

    async def trace(self, session_id: str) -> Trace:
        """See `Sessions`."""
        with self._damage.reading(f"session {session_id:.64}", unknown_trace(session_id)):
            return await self._trace(session_id)

    async def _trace(self, session_id: str) -> Trace:
        asked = [*self._mine(session_id), *FACTS]
        told = await self._link.run(scripts.PIECES_OF_SESSION, asked)
        if told is None:
            raise unknown_trace(session_id)
        *facts, flat = told
        session = session_of(session_id, facts)
        if not flat:
            raise Unreplayable(f"session {session_id} has no steps yet")
        pairs = zip(flat[::2], flat[1::2], strict=True)
        pieces = sorted((int(at), unpack_piece(int(at), piece)) for at, piece in pairs)
        return Trace(
            trace_id=session_id,
            model=session.model,
            version=session.version,
            model_digest=session.model_digest,
            engine=session.engine,
            created_at=session.created_at,
            memory_slots=session.memory_slots,
            inputs=np.concatenate([unpack(blob, piece.steps) for _, (piece, blob) in pieces]),
            target=None,
            outputs_digest="",
            pieces=tuple((at + p.steps, p.outputs_digest) for at, (p, _) in pieces),
        )

    async def usage(self) -> tuple[int, int]:
        """See `Sessions`."""
        count, size = await self._link.run(scripts.USAGE_OF_SESSIONS, [self._gone()])
        return count, size

    def _mine(self, session_id: str) -> list[Argument]:
        return [self._gone(), session_id, self._owner()]

    def _gone(self) -> str:
        """What was used then last is too old."""
        return repr(self._clock() - self._ttl)

    def _life(self) -> int:
        """Milliseconds until Redis drops it by itself."""
        return round((self._ttl + SKEW) * 1000)


def session_of(session_id: str, facts: list[Any]) -> Session:
    """A session at step 0 from its facts as they are stored."""
    model, version, digest, engine, slots, created_at, used_at = (told.decode() for told in facts)
    return Session(
        session_id=session_id,
        model=model,
        version=int(version),
        model_digest=digest,
        engine=engine,
        memory_slots=int(slots),
        created_at=float(created_at),
        used_at=float(used_at),
    )


def pack_piece(piece: Piece, inputs: bytes) -> bytes:
    """A line of facts, then the packed inputs."""
    facts = f"{piece.steps} {piece.inputs_digest} {piece.outputs_digest}\n"
    return facts.encode() + inputs


def unpack_piece(position: int, data: bytes) -> tuple[Piece, bytes]:
    """What `pack_piece` packed."""
    facts, _, inputs = data.partition(b"\n")
    steps, inputs_digest, outputs_digest = facts.decode().split(" ")
    return Piece(position, int(steps), inputs_digest, outputs_digest), inputs


def refuse(what: bytes, number: int, max_bytes: int) -> None:
    """Say no where a script did.

    Raises:
        SessionsFull: there is no room
    """
    if what == b"many":
        raise SessionsFull(f"{number} sessions are open, no more", retry_after=RETRY_AFTER)
    if what == b"large":
        raise SessionsFull(
            f"the sessions would have {number} bytes, the limit is {max_bytes}",
            retry_after=RETRY_AFTER,
        )
