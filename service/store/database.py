"""The SQLite file, safe beside other processes, and the thread that reads and changes it."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from service.errors import StoreUnavailable
from service.scheduling.delivery import settle

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
Changes = list[tuple[Work, "asyncio.Future[Any]"]]

log = logging.getLogger("ntm.store")

BUSY_TIMEOUT = 10.0  # seconds to wait for another process that is writing


class Database:
    """One file. What has been written survives a kill of the process that wrote it."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; its folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = ThreadPoolExecutor(1, "store")
        self._lock = threading.Lock()
        self._changes: Changes = []
        self._connection = connect(path, BUSY_TIMEOUT)
        self._connection.execute("PRAGMA journal_mode=WAL")

    def prepare(self, schema: str) -> None:
        """Make the tables that are not there yet; before anything else is asked."""
        self._connection.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")

    def at_once(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a change before anything else is asked."""
        return with_lock(self._connection, work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query on the file's thread.

        Raises:
            StoreUnavailable: the file cannot be read
        """
        return await self._do(lambda: work(self._connection))

    async def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a change: all of it is kept or nothing, whatever is killed.

        Changes that wait together are committed together; one that fails takes none along, and
        may for that be run twice.

        Raises:
            StoreUnavailable: the file cannot be written, or another process writes for too long
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._hand_over([(work, future)], loop)
        with telling():
            result: T = await future
        return result

    def later(self, work: Work, then: Callable[[Any], object] = lambda result: None) -> None:
        """Run a change some time, for which nobody waits, and `then` with its result."""
        self._thread.submit(self._write_later, work, then)

    def _write_later(self, work: Work, then: Callable[[Any], object]) -> None:
        (result,) = write_all(self._connection, [work])
        if isinstance(result, Exception):
            log.error("the store could not be written: %s", result)
        else:
            then(result)

    def _hand_over(self, changes: Changes, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            alone = not self._changes
            self._changes += changes
        if alone:  # else a commit is on its way that takes these along
            self._thread.submit(self._commit, loop)

    def _commit(self, loop: asyncio.AbstractEventLoop) -> None:
        """On the file's thread: write all that waits in one transaction."""
        with self._lock:
            changes, self._changes = self._changes, []
        ended = write_all(self._connection, [work for work, _ in changes])
        pairs = list(zip([future for _, future in changes], ended, strict=True))
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, pairs)

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self._thread.shutdown()
        self._connection.close()

    async def _do(self, work: Callable[[], T]) -> T:
        with telling():
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    """A connection for several threads, one at a time, that commits only when told to."""
    connection = sqlite3.connect(
        path, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


@contextmanager
def telling() -> Iterator[None]:
    """What SQLite or the system cannot do as the error that a client sees.

    Raises:
        StoreUnavailable: instead of an OperationalError or OSError
    """
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise failed(error) from error


def failed(error: Exception) -> StoreUnavailable:
    """What cannot be done as the error that a client sees; it is logged."""
    log.error("the store failed: %s", error)
    return StoreUnavailable("the store of traces and sessions does not answer", retry_after=5)


def write_all(connection: sqlite3.Connection, works: Sequence[Work]) -> list[Any]:
    """The result of each, or its error; one transaction for all, or for each where one fails."""
    try:
        return with_lock(connection, lambda c: [work(c) for work in works])
    except Exception as error:
        if len(works) == 1:
            return [error]
        return [write_all(connection, [work])[0] for work in works]


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
