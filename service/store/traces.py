"""Traces on disk, bounded by age and bytes.

A trace is appended to a file, which is all that its request waits for; soon after, all that came
together are moved into the table. It is ordered by the ids, which begin with the time: new rows go
to its end and the oldest are at its beginning, so that no index tells of age.
"""

import asyncio
import logging
import re
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from service.delivery import settle
from service.errors import StoreUnavailable, UnknownTrace
from service.store.arrays import pack, pack_json, unpack, unpack_json
from service.store.cursors import wrong_cursor
from service.store.database import Database
from service.store.incoming import Incoming, Row
from service.traces import Trace

T = TypeVar("T")

log = logging.getLogger("ntm.store")

SCHEMA = """
CREATE TABLE IF NOT EXISTS traces_by_time (
    trace_id TEXT NOT NULL PRIMARY KEY,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    model_digest TEXT NOT NULL,
    engine TEXT NOT NULL,
    created_at REAL NOT NULL,
    memory_slots INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    inputs BLOB NOT NULL,
    target BLOB,
    outputs_digest TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    owner TEXT NOT NULL DEFAULT '',
    interventions BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS traces_by_model ON traces_by_time (model, trace_id, bytes);
"""
INSERT = """
INSERT OR IGNORE INTO traces_by_time
    (trace_id, model, version, model_digest, engine, created_at, memory_slots, steps, inputs,
     target, outputs_digest, bytes, owner, interventions)
"""
END = "~"  # after all ids
CURSOR = re.compile(r"[0-9a-f]{36}")
COLUMNS, BYTES = 14, 11  # of a row of INSERT, and where it has its bytes
ROW_OVERHEAD = 512  # bytes of a row beside its blobs, generously
SMALL = 2**16  # bytes that are deflated sooner than a thread is asked to
SOON = 0.2  # seconds until what was appended is moved in
AT_ONCE = 500  # rows that are not kept waiting for so long
ROWS_AT_ONCE = 100  # of one statement
SHARE_BETWEEN_SWEEPS = 0.1  # of the bytes allowed


class TraceStore:
    """Traces by id, newest first; whoever asks sees only what is theirs."""

    def __init__(
        self,
        database: Database,
        incoming: Incoming,
        ttl: float,
        max_bytes: int,
        clock: Callable[[], float],
        owner: Callable[[], str] = str,
    ) -> None:
        """Make the table.

        Args:
            database: the file
            incoming: where traces wait for their place in it
            ttl: seconds a trace is kept
            max_bytes: of all traces together; the oldest go first
            clock: seconds since the epoch
            owner: of the request that is being answered; nobody in particular by default
        """
        self._database, self._incoming = database, incoming
        self._ttl, self._max_bytes, self._clock, self._owner = ttl, max_bytes, clock, owner
        self._coming: list[tuple[Callable[[], Row], asyncio.Future[None]]] = []
        self._waiting = self._moved_in = 0
        self._timer: asyncio.TimerHandle | None = None
        database.prepare(SCHEMA)
        database.at_once(drop_earlier_layout)
        remove(database.at_once(self._move_in))
        database.at_once(self._drop_many)

    async def put(self, trace: Trace) -> None:
        """Keep a trace; once this returns it survives a kill of the process.

        Raises:
            StoreUnavailable: it was not kept
        """
        owner = self._owner()
        make_row = partial(row_of, trace, owner)
        if takes_long(trace):
            row = await asyncio.to_thread(make_row)
            make_row = partial(tuple, row)
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[None] = loop.create_future()
        if not self._coming:
            loop.call_soon(self._append_coming)
        self._coming.append((make_row, kept))
        await kept

    def put_at_once(self, traces: Sequence[tuple[Trace, str]]) -> bool:
        """Keep small traces, each with its owner; False where one of them takes too long.

        Raises:
            StoreUnavailable: none of them was kept
        """
        if any(takes_long(trace) for trace, _ in traces):
            return False
        self._append([row_of(trace, owner) for trace, owner in traces])
        return True

    async def get(self, trace_id: str) -> Trace:
        """A trace by id.

        Raises:
            UnknownTrace: there is none, or no longer
        """
        owner = self._owner()
        return await self._read(lambda c: self._get(c, trace_id, owner))

    async def delete(self, trace_id: str) -> None:
        """Forget a trace.

        Raises:
            UnknownTrace: there is none
        """
        owner = self._owner()

        await self._all_moved_in()

        def work(connection: sqlite3.Connection) -> int:
            query = "DELETE FROM traces_by_time WHERE trace_id = ? AND owner = ?"
            return connection.execute(query, (trace_id, owner)).rowcount

        if not await self._database.change(work):
            raise unknown(trace_id)

    async def page(
        self, model: str | None, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Traces without their tensors, newest first, and the cursor of the next page.

        Raises:
            ServiceError: the cursor is not one that this gave
        """
        before, owner = read_cursor(cursor), self._owner()
        return await self._read(lambda c: self._page(c, model, limit, before, owner))

    async def usage(self) -> tuple[int, int]:
        """How many traces are kept, and their bytes."""

        def work(connection: sqlite3.Connection) -> tuple[int, int]:
            query = "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM traces_by_time"
            count, size = connection.execute(query).fetchone()
            return count, size

        return await self._read(work)

    async def close(self) -> None:
        """Leave nothing on its way."""
        if self._timer is not None:
            self._timer.cancel()
        await self._all_moved_in()
        self._incoming.close()

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        await self._all_moved_in()
        return await self._database.read(work)

    async def _all_moved_in(self) -> None:
        """Wait until all traces that were kept are in the table, whichever process kept them."""
        if not self._incoming.is_empty():
            remove(await self._database.change(self._move_in))

    def _append_coming(self) -> None:
        """Append all that came in a turn of the event loop: done together it takes half as long."""
        coming, self._coming = self._coming, []
        result: Exception | None = None
        try:
            self._append([make_row() for make_row, _ in coming])
        except Exception as error:
            result = error
        settle([(kept, result) for _, kept in coming])

    def _append(self, rows: Sequence[Row]) -> None:
        try:
            self._incoming.append(*rows)
        except OSError as error:
            log.error("%s traces could not be kept: %s", len(rows), error)
            raise StoreUnavailable("the store of traces cannot be written") from error
        self._move_in_soon(len(rows))

    def _move_in_soon(self, rows: int) -> None:
        before = self._waiting
        self._waiting += rows
        if not before:
            self._timer = asyncio.get_running_loop().call_later(SOON, self._move_in_now)
        elif before < AT_ONCE <= self._waiting:
            self._database.later(self._move_in, remove)

    def _move_in_now(self) -> None:
        self._waiting = 0
        self._database.later(self._move_in, remove)

    def _move_in(self, connection: sqlite3.Connection) -> list[Path]:
        """Move all rows into the table; the files to remove once that is committed."""
        waiting, paths = self._incoming.take()
        rows = [row for row in waiting if len(row) == COLUMNS]
        if len(rows) < len(waiting):
            log.error("%s traces of another layout were dropped", len(waiting) - len(rows))
        add_rows(connection, rows)
        self._drop_old(connection)
        self._moved_in += sum(row[BYTES] for row in rows)
        if self._moved_in > SHARE_BETWEEN_SWEEPS * self._max_bytes:
            self._moved_in = 0
            self._drop_many(connection)
        return paths

    def _get(self, connection: sqlite3.Connection, trace_id: str, owner: str) -> Trace:
        row = connection.execute(
            "SELECT model, version, model_digest, engine, created_at, memory_slots, steps, inputs, "
            "target, outputs_digest, interventions FROM traces_by_time "
            "WHERE trace_id = ? AND created_at > ? AND owner = ?",
            (trace_id, self._clock() - self._ttl, owner),
        ).fetchone()
        if row is None:
            raise unknown(trace_id)
        *facts, slots, steps, inputs, target, digest, changes = row
        model, version, model_digest, engine, created_at = facts
        return Trace(
            trace_id=trace_id,
            model=model,
            version=version,
            model_digest=model_digest,
            engine=engine,
            created_at=created_at,
            memory_slots=slots,
            inputs=unpack(inputs, steps),
            target=None if target is None else unpack(target, steps),
            outputs_digest=digest,
            interventions=() if changes is None else unpack_json(changes),
        )

    def _page(
        self,
        connection: sqlite3.Connection,
        model: str | None,
        limit: int,
        before: str,
        owner: str,
    ) -> tuple[list[dict[str, Any]], str | None]:
        query = (
            "SELECT trace_id, model, version, steps, memory_slots, created_at FROM traces_by_time "
            "WHERE trace_id < ? AND created_at > ? AND owner = ?"
        )
        operands: list[Any] = [before, self._clock() - self._ttl, owner]
        if model is not None:
            query += " AND model = ?"
            operands.append(model)
        query += " ORDER BY trace_id DESC LIMIT ?"
        rows = connection.execute(query, [*operands, limit + 1]).fetchall()
        names = ("trace_id", "model", "version", "steps", "memory_slots", "created_at")
        page = [dict(zip(names, row, strict=True)) for row in rows[:limit]]
        return page, rows[limit - 1][0] if len(rows) > limit else None

    def _drop_old(self, connection: sqlite3.Connection) -> None:
        """Drop what is older than the time to live."""
        gone = self._clock() - self._ttl
        drop_while(connection, lambda created_at, size: created_at <= gone)

    def _drop_many(self, connection: sqlite3.Connection) -> None:
        """Drop the oldest while there are too many bytes; to be done rarely, as it adds up all."""
        (held,) = connection.execute("SELECT SUM(bytes) FROM traces_by_time").fetchone()
        excess = (held or 0) - self._max_bytes

        def too_many(created_at: float, size: int) -> bool:
            nonlocal excess
            before, excess = excess, excess - size
            return before > 0

        drop_while(connection, too_many)


def takes_long(trace: Trace) -> bool:
    """Whether a thread had better pack it."""
    target = 0 if trace.target is None else trace.target.nbytes
    return trace.inputs.nbytes + target > SMALL or len(trace.interventions) > 0


def row_of(trace: Trace, owner: str) -> Row:
    """The values of INSERT."""
    inputs = pack(trace.inputs)
    target = None if trace.target is None else pack(trace.target)
    changes = pack_json(list(trace.interventions)) if trace.interventions else None
    size = len(inputs) + len(target or b"") + len(changes or b"") + ROW_OVERHEAD
    return (
        trace.trace_id,
        trace.model,
        trace.version,
        trace.model_digest,
        trace.engine,
        trace.created_at,
        trace.memory_slots,
        trace.steps,
        inputs,
        target,
        trace.outputs_digest,
        size,
        owner,
        changes,
    )


def add_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Add rows that are not there yet.

    Many with one statement: between statements the interpreter goes to another thread.
    """
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        marks = f"({', '.join('?' * len(some[0]))})"
        values = [value for row in some for value in row]
        connection.execute(f"{INSERT} VALUES {', '.join([marks] * len(some))}", values)


def remove(paths: Sequence[Path]) -> None:
    """Remove files; another process may have been quicker."""
    for path in paths:
        path.unlink(missing_ok=True)


def drop_earlier_layout(connection: sqlite3.Connection) -> None:
    """Drop the traces of a version whose ids did not tell their age, and say so."""
    known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'traces'"
    if connection.execute(known).fetchone():
        (count,) = connection.execute("SELECT COUNT(*) FROM traces").fetchone()
        connection.execute("DROP TABLE traces")
        log.warning("%s traces of an earlier layout of the store were dropped", count)


def drop_while(connection: sqlite3.Connection, drops: Callable[[float, int], bool]) -> None:
    """Drop the oldest, one after the other, for as long as its time and bytes say so."""
    rows = connection.execute(
        "SELECT trace_id, created_at, bytes FROM traces_by_time ORDER BY trace_id"
    )
    last = None
    for trace_id, created_at, size in rows:
        if not drops(created_at, size):
            break
        last = trace_id
    rows.close()
    if last is not None:
        connection.execute("DELETE FROM traces_by_time WHERE trace_id <= ?", (last,))


def read_cursor(cursor: str | None) -> str:
    """The id before which a page begins.

    Raises:
        ServiceError: the cursor is not one that a page gave
    """
    if cursor is None:
        return END
    if not CURSOR.fullmatch(cursor):
        raise wrong_cursor(cursor)
    return cursor


def unknown(trace_id: str) -> UnknownTrace:
    """The error for a trace that is not there."""
    return UnknownTrace(f"no trace '{trace_id:.64}', or no longer")
