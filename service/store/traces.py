"""Traces on disk, bounded by age and bytes.

Traces that ended together are a bundle, which is appended to a file: that is all that their
requests wait for. Soon after, bundles are moved into the table as they are. It is ordered by the
ids, which begin with the time: the oldest are at its beginning, so that no index tells of age.
"""

import asyncio
import logging
import re
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from service.errors import StoreUnavailable, UnknownTrace
from service.ids import TIME_DIGITS
from service.records.trace import Trace
from service.scheduling.delivery import settle
from service.store.bundles import COLUMNS, INSERT, Bundle, bundle, entries, unbundle
from service.store.cursors import wrong_cursor
from service.store.damage import UNREADABLE, Damage
from service.store.database import Database, telling
from service.store.earlier import take_over, understood
from service.store.incoming import INCOMING, Incoming, Taken
from service.store.records import record_of

T = TypeVar("T")

log = logging.getLogger("ntm.store")

SCHEMA = """
CREATE TABLE IF NOT EXISTS bundles (
    first_id TEXT NOT NULL PRIMARY KEY,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    model_digest TEXT NOT NULL,
    engine TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at REAL NOT NULL,
    traces TEXT NOT NULL,
    inputs BLOB NOT NULL,
    targets BLOB,
    interventions BLOB,
    number INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS bundles_by_model ON bundles (model, first_id, number, bytes);
"""
END = "~"  # after all ids
CURSOR = re.compile(r"[0-9a-f]{36}")
SMALL = 2**16  # bytes that are deflated sooner than a thread is asked to
SOON = 1.0  # seconds until what was appended is moved in
AT_ONCE = 2**22  # bytes that are not kept waiting for so long
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
        damage: Damage | None = None,
    ) -> None:
        """Make the table.

        Args:
            database: the file
            incoming: where traces wait for their place in it
            ttl: seconds a trace is kept
            max_bytes: of all traces together; the oldest go first
            clock: seconds since the epoch
            owner: of the request that is being answered; nobody in particular by default
            damage: counts what cannot be read
        """
        self._database, self._incoming = database, incoming
        self._damage = damage or Damage()
        self._ttl, self._max_bytes, self._clock, self._owner = ttl, max_bytes, clock, owner
        self._coming: list[tuple[Callable[[], Bundle], asyncio.Future[None]]] = []
        self._waiting = self._moved_in = 0
        self._timer: asyncio.TimerHandle | None = None
        database.prepare(SCHEMA + INCOMING)
        database.at_once(take_over)
        incoming.settle(database.at_once(self._move_in))
        database.at_once(self._drop_many)

    async def put(self, trace: Trace) -> None:
        """Keep a trace; once this returns it survives a kill of the process.

        Raises:
            StoreUnavailable: it was not kept
        """
        owner = self._owner()
        make_row = partial(bundle, [trace], owner)
        if takes_long(trace):
            row = await asyncio.to_thread(make_row)
            make_row = partial(Bundle, *row)
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[None] = loop.create_future()
        if not self._coming:
            loop.call_soon(self._append_coming)
        self._coming.append((make_row, kept))
        await kept

    def put_at_once(self, traces: Sequence[Trace], owner: str) -> bool:
        """Keep small traces of one model and moment; False where one of them takes too long.

        Raises:
            StoreUnavailable: none of them was kept
        """
        if any(map(takes_long, traces)):
            return False
        self._append([bundle(traces, owner)])
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

        def work(connection: sqlite3.Connection) -> bool:
            for kept in self._with_time_of(connection, trace_id, owner):
                traces = self._unbundle(kept)
                rest = [trace for trace in traces if trace.trace_id != trace_id]
                if len(rest) < len(traces):
                    replace(connection, kept, rest)
                    return True
            return False

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
            query = "SELECT COALESCE(SUM(number), 0), COALESCE(SUM(bytes), 0) FROM bundles"
            count, size = connection.execute(query).fetchone()
            return count, size

        return await self._read(work)

    async def close(self) -> None:
        """Leave nothing on its way."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._all_moved_in()
        except StoreUnavailable as error:
            log.error("what was appended stays in its files: %s", error)
        self._incoming.close()

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        await self._all_moved_in()
        return await self._database.read(work)

    async def _all_moved_in(self) -> None:
        """Wait until all traces that were kept are in the table, whichever process kept them."""
        with telling():
            if not self._incoming.is_empty():
                self._incoming.settle(await self._database.change(self._move_in))

    def _append_coming(self) -> None:
        """Append all that came in a turn of the event loop: done together it takes half as long."""
        coming, self._coming = self._coming, []
        result: Exception | None = None
        try:
            self._append([make_row() for make_row, _ in coming])
        except Exception as error:
            result = error
        settle([(kept, result) for _, kept in coming])

    def _append(self, rows: Sequence[Bundle]) -> None:
        if self._database.is_damaged:
            self._move_in_soon(1)  # which finds out when it is mended
            raise StoreUnavailable("the store of traces cannot be read", retry_after=5)
        try:
            self._incoming.append(*map(tuple, rows))
        except OSError as error:
            log.error("%s traces could not be kept: %s", sum(row.number for row in rows), error)
            raise StoreUnavailable("the store of traces cannot be written") from error
        self._move_in_soon(sum(row.bytes for row in rows))

    def _move_in_soon(self, size: int) -> None:
        before = self._waiting
        self._waiting += size
        if not before:
            self._timer = asyncio.get_running_loop().call_later(SOON, self._move_in_now)
        elif before < AT_ONCE <= self._waiting:
            self._database.later(self._move_in, self._incoming.settle)

    def _move_in_now(self) -> None:
        self._waiting = 0
        self._database.later(self._move_in, self._incoming.settle)

    def _move_in(self, connection: sqlite3.Connection) -> Taken:
        """Move all rows into the table; to be settled once that is committed."""
        taken = self._incoming.take(connection)
        rows = list[Bundle]()
        for row in taken.rows:
            if (fitting := understood(row)) is not None:
                rows.append(fitting)
            else:
                self._damage.set_aside("a row of another layout", record_of((row,)))
        connection.executemany(INSERT, rows)
        self._drop_old(connection)
        self._moved_in += sum(row.bytes for row in rows)
        if self._moved_in > SHARE_BETWEEN_SWEEPS * self._max_bytes:
            self._moved_in = 0
            self._drop_many(connection)
        return taken

    def _get(self, connection: sqlite3.Connection, trace_id: str, owner: str) -> Trace:
        for kept in self._with_time_of(connection, trace_id, owner):
            for trace in self._unbundle(kept):
                if trace.trace_id == trace_id:
                    return trace
        raise unknown(trace_id)

    def _unbundle(self, kept: Bundle) -> list[Trace]:
        """The traces of a bundle; none of one that cannot be read."""
        try:
            return unbundle(kept)
        except UNREADABLE as error:
            self._damage.report(f"the bundle {kept.first_id} of traces", error)
            return []

    def _with_time_of(
        self, connection: sqlite3.Connection, trace_id: str, owner: str
    ) -> list[Bundle]:
        """The bundles in which a trace may be: those that began in the nanosecond of its id."""
        when = trace_id[:TIME_DIGITS]
        query = (
            f"SELECT {COLUMNS} FROM bundles WHERE first_id BETWEEN ? AND ? "
            "AND created_at > ? AND owner = ?"
        )
        operands = (when, when + END, self._clock() - self._ttl, owner)
        return [Bundle(*row) for row in connection.execute(query, operands)]

    def _page(
        self,
        connection: sqlite3.Connection,
        model: str | None,
        limit: int,
        before: str,
        owner: str,
    ) -> tuple[list[dict[str, Any]], str | None]:
        query = (
            "SELECT first_id, model, version, created_at, traces FROM bundles "
            "WHERE first_id < ? AND created_at > ? AND owner = ?"
        )
        operands: list[Any] = [before[:TIME_DIGITS] + END, self._clock() - self._ttl, owner]
        if model is not None:
            query += " AND model = ?"
            operands.append(model)
        query += " ORDER BY first_id DESC"
        page: list[dict[str, Any]] = []
        rows = connection.execute(query, operands)
        for _, same_time in groupby(rows, lambda row: row[0][:TIME_DIGITS]):
            told = [listed for row in same_time for listed in self._listing(*row)]
            told.sort(key=itemgetter("trace_id"), reverse=True)
            page += [listed for listed in told if listed["trace_id"] < before]
            if len(page) > limit:
                break
        rows.close()
        return page[:limit], page[limit - 1]["trace_id"] if len(page) > limit else None

    def _listing(
        self, first_id: str, model: str, version: int, created_at: float, traces: str
    ) -> list[dict[str, Any]]:
        """The traces of a bundle as a page tells them; none of one that cannot be read."""
        try:
            return [
                {
                    "trace_id": entry.trace_id,
                    "model": model,
                    "version": version,
                    "steps": entry.steps,
                    "memory_slots": entry.memory_slots,
                    "created_at": created_at,
                }
                for entry in entries(traces)
            ]
        except UNREADABLE as error:
            self._damage.report(f"the bundle {first_id} of traces", error)
            return []

    def _drop_old(self, connection: sqlite3.Connection) -> None:
        """Drop what is older than the time to live."""
        gone = self._clock() - self._ttl
        drop_while(connection, lambda created_at, size: created_at <= gone)

    def _drop_many(self, connection: sqlite3.Connection) -> None:
        """Drop the oldest while there are too many bytes; to be done rarely, as it adds up all."""
        (held,) = connection.execute("SELECT SUM(bytes) FROM bundles").fetchone()
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


def replace(connection: sqlite3.Connection, kept: Bundle, rest: Sequence[Trace]) -> None:
    """Leave the rest of a bundle in its place and under its id, or nothing of it."""
    connection.execute("DELETE FROM bundles WHERE first_id = ?", (kept.first_id,))
    if rest:
        left = bundle(rest, kept.owner)._replace(first_id=kept.first_id)
        connection.execute(INSERT, left)


def drop_while(connection: sqlite3.Connection, drops: Callable[[float, int], bool]) -> None:
    """Drop the oldest, one after the other, for as long as their time and bytes say so."""
    rows = connection.execute("SELECT first_id, created_at, bytes FROM bundles ORDER BY first_id")
    last = None
    for first_id, created_at, size in rows:
        if not drops(created_at, size):
            break
        last = first_id
    rows.close()
    if last is not None:
        connection.execute("DELETE FROM bundles WHERE first_id <= ?", (last,))


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
