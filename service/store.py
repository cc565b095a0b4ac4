"""Traces on disk: one SQLite file that survives a kill, bounded by age and bytes."""

import asyncio
import sqlite3
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service.errors import ServiceError, UnknownTrace
from service.traces import Trace

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS traces (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    trace_id TEXT NOT NULL UNIQUE,
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
    bytes INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS traces_by_model ON traces (model, number);
CREATE INDEX IF NOT EXISTS traces_by_age ON traces (created_at);
"""
INSERT = """
INSERT INTO traces (trace_id, model, version, model_digest, engine, created_at, memory_slots,
                    steps, inputs, target, outputs_digest, bytes)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
ROW_OVERHEAD = 512  # bytes of a row beside its blobs, generously
INSERTS_BETWEEN_SWEEPS = 100
SHARE_BETWEEN_SWEEPS = 0.1  # of the bytes allowed


class TraceStore:
    """Traces by id, newest first. One thread does all the writing and reading."""

    def __init__(self, path: Path, ttl: float, max_bytes: int, clock: Callable[[], float]) -> None:
        """Open or create the file.

        Args:
            path: the SQLite file; its folder is made
            ttl: seconds a trace is kept
            max_bytes: of all traces together; the oldest go first
            clock: seconds since the epoch
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._ttl, self._max_bytes, self._clock = ttl, max_bytes, clock
        self._thread = ThreadPoolExecutor(1, "traces")
        self._inserts = self._inserted = 0
        self._database = sqlite3.connect(
            path, timeout=10, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(SCHEMA)
        self._sweep()

    async def put(self, trace: Trace) -> None:
        """Keep a trace; once this returns it survives a kill of the process."""
        await self._do(lambda: self._put(trace))

    async def get(self, trace_id: str) -> Trace:
        """A trace by id.

        Raises:
            UnknownTrace: there is none, or no longer
        """
        return await self._do(lambda: self._get(trace_id))

    async def delete(self, trace_id: str) -> None:
        """Forget a trace.

        Raises:
            UnknownTrace: there is none
        """

        def work() -> None:
            found = self._database.execute("DELETE FROM traces WHERE trace_id = ?", (trace_id,))
            if not found.rowcount:
                raise unknown(trace_id)

        await self._do(work)

    async def page(
        self, model: str | None, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, object]], str | None]:
        """Traces without their tensors, newest first, and the cursor of the next page.

        Raises:
            ServiceError: the cursor is not one that this gave
        """
        if cursor is not None and not (cursor.isdecimal() and len(cursor) < 19):
            raise ServiceError(
                f"cursor should be the `next` of an earlier page, got '{cursor:.40}'"
            )
        before = int(cursor) if cursor else 2**63 - 1
        return await self._do(lambda: self._page(model, limit, before))

    async def usage(self) -> tuple[int, int]:
        """How many traces are kept, and their bytes."""

        def work() -> tuple[int, int]:
            query = "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM traces"
            count, size = self._database.execute(query).fetchone()
            return count, size

        return await self._do(work)

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self._thread.shutdown()
        self._database.close()

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _put(self, trace: Trace) -> None:
        inputs = pack(trace.inputs)
        target = None if trace.target is None else pack(trace.target)
        size = len(inputs) + len(target or b"") + ROW_OVERHEAD
        self._database.execute(
            INSERT,
            (
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
            ),
        )
        self._inserts += 1
        self._inserted += size
        if (
            self._inserts >= INSERTS_BETWEEN_SWEEPS
            or self._inserted > SHARE_BETWEEN_SWEEPS * self._max_bytes
        ):
            self._sweep()

    def _get(self, trace_id: str) -> Trace:
        row = self._database.execute(
            "SELECT model, version, model_digest, engine, created_at, memory_slots, steps, inputs, "
            "target, outputs_digest FROM traces WHERE trace_id = ? AND created_at > ?",
            (trace_id, self._clock() - self._ttl),
        ).fetchone()
        if row is None:
            raise unknown(trace_id)
        *facts, slots, steps, inputs, target, digest = row
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
        )

    def _page(
        self, model: str | None, limit: int, before: int
    ) -> tuple[list[dict[str, object]], str | None]:
        query = (
            "SELECT number, trace_id, model, version, steps, memory_slots, created_at FROM traces "
            "WHERE number < ? AND created_at > ?"
        )
        operands: list[object] = [before, self._clock() - self._ttl]
        if model is not None:
            query += " AND model = ?"
            operands.append(model)
        query += " ORDER BY number DESC LIMIT ?"
        rows = self._database.execute(query, [*operands, limit + 1]).fetchall()
        names = ("trace_id", "model", "version", "steps", "memory_slots", "created_at")
        page = [dict(zip(names, row[1:], strict=True)) for row in rows[:limit]]
        return page, str(rows[limit - 1][0]) if len(rows) > limit else None

    def _sweep(self) -> None:
        """Drop what is too old, then the oldest while there are too many bytes."""
        self._inserts = self._inserted = 0
        self._database.execute(
            "DELETE FROM traces WHERE created_at <= ?", (self._clock() - self._ttl,)
        )
        self._database.execute(
            "DELETE FROM traces WHERE number <= (SELECT COALESCE(MAX(number), 0) FROM (SELECT "
            "number, SUM(bytes) OVER (ORDER BY number DESC) AS held FROM traces) WHERE held > ?)",
            (self._max_bytes,),
        )


def pack(array: NDArray[np.float32]) -> bytes:
    """float32, little-endian, deflated: bits shrink to next to nothing."""
    return zlib.compress(np.ascontiguousarray(array, "<f4").tobytes(), level=1)


def unpack(data: bytes, steps: int) -> NDArray[np.float32]:
    """What `pack` packed, [T, width]."""
    return np.frombuffer(zlib.decompress(data), "<f4").reshape(steps, -1)


def unknown(trace_id: str) -> UnknownTrace:
    """The error for a trace that is not there."""
    return UnknownTrace(f"no trace '{trace_id:.64}', or no longer")
