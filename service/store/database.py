"""The SQLite file: one connection, one thread that uses it, safe beside other processes."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from service.errors import StoreUnavailable

T = TypeVar("T")

log = logging.getLogger("ntm.store")

BUSY_TIMEOUT = 10.0  # seconds to wait for another process that is writing


class Database:
    """One file. What has been written survives a kill of the process that wrote it."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; its folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = ThreadPoolExecutor(1, "store")
        self._connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")

    def prepare(self, schema: str) -> None:
        """Make the tables that are not there yet; before anything else is asked."""
        self._connection.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")

    def add_column(self, table: str, name: str, kind: str) -> None:
        """Complete a table that an earlier release made."""
        with_lock(self._connection, lambda c: add_column(c, table, name, kind))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query on the file's thread.

        Raises:
            StoreUnavailable: the file cannot be read
        """
        return await self._do(lambda: work(self._connection))

    async def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a change as one transaction: all of it is kept or nothing, whatever is killed.

        Raises:
            StoreUnavailable: the file cannot be written, or another process writes for too long
        """
        return await self._do(lambda: with_lock(self._connection, work))

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self._thread.shutdown()
        self._connection.close()

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.OperationalError as error:
            log.error("the store failed: %s", error)
            raise StoreUnavailable(
                "the store of traces and sessions does not answer", retry_after=5
            ) from error


def with_lock(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run `work` in a transaction that no other process writes beside."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def add_column(connection: sqlite3.Connection, table: str, name: str, kind: str) -> None:
    """Add a column unless it is there."""
    known = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    if name not in known:
        connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
