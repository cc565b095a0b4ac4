"""Compiler of the native engine: one compilation in a process of its own, with its state."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from ntm.architectures import kernels

log = logging.getLogger("ntm.models")

END_OF_ERROR = 500  # characters of what the compiler says that the log gets


class Compiler:
    """Compiles once for a machine, while another engine answers."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Compile nothing yet.

        Args:
            folder: of what is compiled
            clock: seconds, never going back
        """
        self._folder, self._clock = folder, clock
        self._state: Literal["ready", "compiling", "failed", "not_compiled"] = "not_compiled"
        self._began, self._seconds = 0.0, 0.0

    async def run(self) -> bool:
        """Compile where nothing is ready; whether something is that was not before."""
        if kernels.is_ready(self._folder):
            return False
        log.info("compiling the native engine; until it is ready the onnx engine answers")
        self._state, self._began = "compiling", self._clock()
        error = await self._compile()
        self._seconds = self._clock() - self._began
        if error:
            self._state = "failed"
            log.error("the native engine cannot be compiled, onnx stays: %s", error)
            return False
        self._state = "ready"
        log.info("the native engine was compiled in %.1f s", self._seconds)
        return True

    async def _compile(self) -> str:
        """Wait for the other process; what it failed with, empty if it did not."""
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        command = kernels.command(self._folder)
        compiler = await asyncio.create_subprocess_exec(*command, stdin=nothing, stderr=pipe)
        try:
            _, errors = await compiler.communicate()
        except asyncio.CancelledError:  # the service ends and does not wait for it
            with suppress(ProcessLookupError):
                compiler.kill()
            raise
        if compiler.returncode == 0:
            return ""
        return errors.decode(errors="replace")[-END_OF_ERROR:] or f"code {compiler.returncode}"

    def facts(self) -> dict[str, Any]:
        """How far it is and the seconds that it took, or has taken so far."""
        if self._state == "compiling":
            return {"state": self._state, "seconds": round(self._clock() - self._began, 1)}
        if self._state == "not_compiled" and kernels.loaded() is not None:
            return {"state": "ready", "seconds": kernels.seconds_taken(self._folder)}
        known = self._state != "not_compiled"
        return {"state": self._state, "seconds": round(self._seconds, 1) if known else None}
