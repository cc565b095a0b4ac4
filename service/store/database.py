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
Change = Callable[[sqlite3.Connection], Any]
Changes = list[tuple[Change, "asyncio.Future[Any]"]]

log = logging.getLogger("ntm.store")

BUSY_TIMEOUT = 10.0  # seconds to wait for another process that is writing


class Database:
    """One file. What has been written survives a kill of the process that wrote it."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; its folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._thread = ThreadPoolExecutor(1, "store")
        self._lock = threading.Lock()
        self._changes: Changes = []
        self._schemas: list[str] = []
        self._file: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self.is_damaged = False  # as of the last time that it was used
        self._connected()

    def prepare(self, schema: str) -> None:
        """Make the tables that are not there yet; before anything else is asked."""
        self._schemas.append(schema)
        make_tables(self._connected(), schema)

    def at_once(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a change before anything else is asked."""
        return with_lock(self._connected(), work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query on the file's thread.

        Raises:
            StoreUnavailable: the file cannot be read
        """
        with telling():
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._read, work)

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

    def later(self, work: Change, then: Callable[[Any], object] = lambda result: None) -> None:
        """Run a change some time, for which nobody waits, and `then` with its result."""
        self._thread.submit(self._write_later, work, then)

    def _write_later(self, work: Change, then: Callable[[Any], object]) -> None:
        (result,) = self._write([work])
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
        ended = self._write([work for work, _ in changes])
        pairs = list(zip([future for _, future in changes], ended, strict=True))
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, pairs)

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self._thread.shutdown()
        self._disconnect()

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            result = work(self._connected())
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            raise
        self.is_damaged = False
        return result

    def _write(self, works: Sequence[Change]) -> list[Any]:
        """The result of each, or its error."""
        try:
            ended = write_all(self._connected(), works)
        except (sqlite3.Error, OSError) as error:
            ended = [error] * len(works)
        failures = [failure for failure in ended if isinstance(failure, sqlite3.Error | OSError)]
        for failure in failures:
            self._failed(failure)
        if not failures:
            self.is_damaged = False
        return ended

    def _connected(self) -> sqlite3.Connection:
        """The connection; a new one where the file that it was made for is there no more.

        A connection goes on with a file that was removed, which nobody ever reads again.

        Raises:
            sqlite3.Error, OSError: there is no such file, nor can it be made
        """
        if self._connection is not None:
            if identity(self._path) == self._file:
                return self._connection
            log.error("%s is not the file that it was: it is opened anew", self._path)
            self._disconnect()
        connection = connect(self._path, BUSY_TIMEOUT)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            for schema in self._schemas:
                make_tables(connection, schema)
        except BaseException:
            connection.close()
            raise
        self._connection, self._file = connection, identity(self._path)
        return connection

    def _failed(self, error: Exception) -> None:
        """After an error of the file: use it no more as it was, it may be mended meanwhile."""
        if type(error) is sqlite3.DatabaseError or isinstance(error, OSError):
            self.is_damaged = True  # a file that is busy, such as for another process, is not
        elif not self._path.exists():
            self.is_damaged = True
        if not isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def identity(path: Path) -> tuple[int, int] | None:
    """Which file a path leads to, None if to none."""
    with suppress(FileNotFoundError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def make_tables(connection: sqlite3.Connection, schema: str) -> None:
    """Make the tables of a schema that are not there yet."""
    connection.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")


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
        StoreUnavailable: instead of SQLite's error or an OSError
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise failed(error) from error


def failed(error: Exception) -> StoreUnavailable:
    """What cannot be done as the error that a client sees; it is logged."""
    log.error("the store failed: %s", error)
    return StoreUnavailable("the store of traces and sessions does not answer", retry_after=5)


def write_all(connection: sqlite3.Connection, works: Sequence[Change]) -> list[Any]:
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
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise
    return result
