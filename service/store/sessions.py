"""Sessions on disk: their state before and after the last piece, and every piece's inputs."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ntm.signature import State
from service.errors import SessionsFull, UnknownSession, UnknownTrace, Unreplayable
from service.records.session import Piece, Session
from service.records.trace import Trace
from service.store.arrays import pack, pack_state, unpack, unpack_state
from service.store.damage import Damage
from service.store.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    model_digest TEXT NOT NULL,
    engine TEXT NOT NULL,
    memory_slots INTEGER NOT NULL,
    created_at REAL NOT NULL,
    used_at REAL NOT NULL,
    bytes INTEGER NOT NULL,
    position INTEGER NOT NULL,
    last_position INTEGER,
    before BLOB,
    state BLOB
);
CREATE TABLE IF NOT EXISTS session_pieces (
    session_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    inputs_digest TEXT NOT NULL,
    outputs_digest TEXT NOT NULL,
    inputs BLOB NOT NULL,
    PRIMARY KEY (session_id, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_by_use ON sessions (used_at);
"""
FACTS = "session_id, model, version, model_digest, engine, memory_slots, created_at, used_at"
MINE = "session_id = ? AND owner = ? AND used_at > ?"
ADVANCE = """
UPDATE sessions SET before = state, state = ?, last_position = position, position = ?, used_at = ?,
                    bytes = bytes + ?
WHERE session_id = ? AND owner = ? AND position = ?
"""
ROW_OVERHEAD = 512  # bytes of a row beside its blobs, generously
RETRY_AFTER = 60


class SessionStore:
    """Sessions by id; whoever asks sees only what is theirs."""

    def __init__(
        self,
        database: Database,
        ttl: float,
        max_sessions: int,
        max_bytes: int,
        clock: Callable[[], float],
        owner: Callable[[], str] = str,
        damage: Damage | None = None,
    ) -> None:
        """Make the tables.

        Args:
            database: the file
            ttl: seconds a session is kept after its last piece
            max_sessions: kept at once
            max_bytes: of all sessions together
            clock: seconds since the epoch
            owner: of the request that is being answered; nobody in particular by default
            damage: counts what cannot be read
        """
        self._database = database
        self._damage = damage or Damage()
        self._ttl, self._max_sessions, self._max_bytes = ttl, max_sessions, max_bytes
        self._clock, self._owner = clock, owner
        database.prepare(SCHEMA)

    async def open(self, session: Session) -> None:
        """Keep a new session.

        Raises:
            SessionsFull: there are as many as are allowed
        """
        owner = self._owner()

        def work(connection: sqlite3.Connection) -> None:
            self._sweep(connection)
            (count,) = connection.execute("SELECT COUNT(*) FROM sessions").fetchone()
            if count >= self._max_sessions:
                raise SessionsFull(f"{count} sessions are open, no more", retry_after=RETRY_AFTER)
            self._make_room(connection, ROW_OVERHEAD)
            connection.execute(
                f"INSERT INTO sessions ({FACTS}, owner, bytes, position) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    session.session_id,
                    session.model,
                    session.version,
                    session.model_digest,
                    session.engine,
                    session.memory_slots,
                    session.created_at,
                    session.used_at,
                    owner,
                    ROW_OVERHEAD,
                ),
            )

        await self._database.change(work)

    async def get(self, session_id: str) -> Session:
        """A session with its states.

        Raises:
            UnknownSession: there is none, or no longer
        """
        mine = self._mine(session_id)
        with self._damage.reading(f"session {session_id:.64}", unknown(session_id)):
            return await self._database.read(lambda c: self._get(c, mine))

    async def advance(
        self, session: Session, piece: Piece, inputs: NDArray[np.float32], state: State
    ) -> bool:
        """Keep a piece; once this returns True it survives a kill of the process.

        Args:
            session: as it was when the piece was computed
            piece: what was computed
            inputs: [steps, I]
            state: after the piece
        Returns:
            whether the session had not moved on by another piece meanwhile
        Raises:
            UnknownSession: it was deleted meanwhile
            SessionsFull: no room for its state or inputs
        """
        owner = self._owner()
        return await self._database.change(
            lambda c: self._advance(c, session, owner, piece, pack(inputs), pack_state(state))
        )

    async def delete(self, session_id: str) -> None:
        """Forget a session.

        Raises:
            UnknownSession: there is none
        """
        mine = self._mine(session_id)

        def work(connection: sqlite3.Connection) -> None:
            if not connection.execute(f"DELETE FROM sessions WHERE {MINE}", mine).rowcount:
                raise unknown(session_id)
            connection.execute("DELETE FROM session_pieces WHERE session_id = ?", (session_id,))

        await self._database.change(work)

    async def trace(self, session_id: str) -> Trace:
        """All pieces so far as one sequence, each with the digest that its replay must give.

        Raises:
            UnknownTrace: there is no such session
            Unreplayable: it has no steps yet
        """
        mine = self._mine(session_id)
        with self._damage.reading(f"session {session_id:.64}", unknown_trace(session_id)):
            return await self._database.read(lambda c: self._trace(c, mine))

    async def usage(self) -> tuple[int, int]:
        """How many sessions are kept, and their bytes."""

        def work(connection: sqlite3.Connection) -> tuple[int, int]:
            query = "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM sessions WHERE used_at > ?"
            count, size = connection.execute(query, (self._clock() - self._ttl,)).fetchone()
            return count, size

        return await self._database.read(work)

    def _mine(self, session_id: str) -> tuple[str, str, float]:
        return session_id, self._owner(), self._clock() - self._ttl

    def _get(self, connection: sqlite3.Connection, mine: tuple[str, str, float]) -> Session:
        query = f"SELECT {FACTS}, position, last_position, before, state FROM sessions WHERE {MINE}"
        row = connection.execute(query, mine).fetchone()
        if row is None:
            raise unknown(mine[0])
        *facts, position, last_position, before, state = row
        last = None
        if last_position is not None:
            query = (
                "SELECT position, steps, inputs_digest, outputs_digest FROM session_pieces "
                "WHERE session_id = ? AND position = ?"
            )
            last = Piece(*connection.execute(query, (mine[0], last_position)).fetchone())
        return replace(
            Session(*facts),
            position=position,
            last=last,
            before=None if before is None else unpack_state(before),
            state=None if state is None else unpack_state(state),
        )

    def _advance(
        self,
        connection: sqlite3.Connection,
        session: Session,
        owner: str,
        piece: Piece,
        inputs: bytes,
        state: bytes,
    ) -> bool:
        states = 0 if session.before is not None else len(state)  # two are kept, one after another
        grown = len(inputs) + ROW_OVERHEAD + states
        key = (session.session_id, owner)
        after = (state, piece.position + piece.steps, self._clock(), grown)
        if not connection.execute(ADVANCE, (*after, *key, piece.position)).rowcount:
            query = "SELECT 1 FROM sessions WHERE session_id = ? AND owner = ?"
            if connection.execute(query, key).fetchone() is None:
                raise unknown(session.session_id)
            return False
        self._make_room(connection, 0)
        connection.execute(
            "INSERT INTO session_pieces VALUES (?, ?, ?, ?, ?, ?)",
            (
                session.session_id,
                piece.position,
                piece.steps,
                piece.inputs_digest,
                piece.outputs_digest,
                inputs,
            ),
        )
        return True

    def _trace(self, connection: sqlite3.Connection, mine: tuple[str, str, float]) -> Trace:
        row = connection.execute(f"SELECT {FACTS} FROM sessions WHERE {MINE}", mine).fetchone()
        if row is None:
            raise unknown_trace(mine[0])
        session = Session(*row)
        pieces = connection.execute(
            "SELECT position, steps, outputs_digest, inputs FROM session_pieces "
            "WHERE session_id = ? ORDER BY position",
            (session.session_id,),
        ).fetchall()
        if not pieces:
            raise Unreplayable(f"session {session.session_id} has no steps yet")
        return Trace(
            trace_id=session.session_id,
            model=session.model,
            version=session.version,
            model_digest=session.model_digest,
            engine=session.engine,
            created_at=session.created_at,
            memory_slots=session.memory_slots,
            inputs=np.concatenate([unpack(inputs, steps) for _, steps, _, inputs in pieces]),
            target=None,
            outputs_digest="",
            pieces=tuple((start + steps, digest) for start, steps, digest, _ in pieces),
        )

    def _make_room(self, connection: sqlite3.Connection, size: int) -> None:
        """Drop what is too old where `size` more bytes would be too many.

        Raises:
            SessionsFull: they still would be
        """
        for sweep in (True, False):
            (held,) = connection.execute("SELECT COALESCE(SUM(bytes), 0) FROM sessions").fetchone()
            if held + size <= self._max_bytes:
                return
            if sweep:
                self._sweep(connection)
        raise SessionsFull(
            f"the sessions would have {held + size} bytes, the limit is {self._max_bytes}",
            retry_after=RETRY_AFTER,
        )

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Drop the sessions that have been idle for too long."""
        gone = (self._clock() - self._ttl,)
        connection.execute(
            "DELETE FROM session_pieces WHERE session_id IN "
            "(SELECT session_id FROM sessions WHERE used_at <= ?)",
            gone,
        )
        connection.execute("DELETE FROM sessions WHERE used_at <= ?", gone)


def unknown(session_id: str) -> UnknownSession:
    """The error for a session that is not there."""
    return UnknownSession(f"no session '{session_id:.64}', or no longer")


def unknown_trace(session_id: str) -> UnknownTrace:
    """The error for the trace of a session that is not there."""
    return UnknownTrace(f"no trace or session '{session_id:.64}', or no longer")
