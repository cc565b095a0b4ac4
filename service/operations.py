"""What operators choose while the service runs, one choice for all of its processes.

It is in a file of NTM_DATA that the processes follow, and forgotten when the service starts.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

log = logging.getLogger("ntm.server")

NAME = "operations.json"
LOOK_EVERY = 0.5  # seconds
Level = Literal["debug", "info", "warning", "error"]


class Choice(BaseModel):
    """What has been chosen."""

    model_config = ConfigDict(frozen=True)

    unloaded: frozenset[str] = frozenset()  # models that are not served
    log_level: Level = "info"


class Operations:
    """The choice that holds, and how it is changed."""

    def __init__(self, data: Path, apply: Callable[[Choice], Awaitable[None]]) -> None:
        """Follow the file in a folder.

        Args:
            data: NTM_DATA
            apply: has this process do what is chosen
        """
        self._path, self._apply = data / NAME, apply
        self.chosen = Choice()
        self._applying = asyncio.Lock()

    async def change(self, change: Callable[[Choice], Choice]) -> None:
        """Choose anew; when this returns this process does so, others do soon."""
        await asyncio.to_thread(self._write, change)
        await self.look()

    def _write(self, change: Callable[[Choice], Choice]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            written = self._path.with_suffix(".new")
            written.write_text(change(self._read()).model_dump_json(), encoding="utf-8")
            os.replace(written, self._path)

    def _read(self) -> Choice:
        try:
            return Choice.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return Choice()
        except ValidationError as error:
            log.error("%s is not used: %s", self._path, error)
            return Choice()

    async def look(self) -> None:
        """Do what is chosen now."""
        async with self._applying:
            chosen = self._read()
            if chosen != self.chosen:
                self.chosen = chosen
                await self._apply(chosen)

    async def follow(self) -> None:
        """Do what is chosen in any process, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except Exception:
                log.exception("what an operator chose could not be done")


@asynccontextmanager
async def following(operations: Operations) -> AsyncIterator[None]:
    """Do what is chosen for as long as the service runs, by now to begin with."""
    await operations.look()
    task = asyncio.create_task(operations.follow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def forget(data: Path) -> None:
    """Let nothing be chosen that was before the service started."""
    with suppress(OSError):
        (data / NAME).unlink()


def set_log_level(level: Level) -> None:
    """Log what is at least so important."""
    logging.getLogger().setLevel(level.upper())
