"""The service as a process of its own, on a port of its own, as a user starts it."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests import compiled
from tests.command_line import ENVIRONMENT, NTM

CLEAN = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("NTM_")}
GRPC = re.compile(r"gRPC on (127\.0\.0\.1:\d+)")
LISTENING = re.compile(r"running on (http://127\.0\.0\.1:\d+)")
PATIENCE = 300  # seconds, on a machine that does much else


def await_that(holds: Callable[[], object]) -> None:
    """Ask until it holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.01)


@dataclass(frozen=True)
class Server:
    """A running service."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def client(self, **options: Any) -> httpx.Client:
        """A client that must be closed."""
        return httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False, **options)

    @property
    def grpc(self) -> str:
        """Host and port of its gRPC, where it has that."""
        found = GRPC.search(self.log.read_text())
        assert found is not None
        return found[1]

    def processor_seconds(self) -> float:
        """What it and processes that it has started and awaited have computed so far."""
        return sum(psutil.Process(self.process.pid).cpu_times()[:4])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; what the process ended with."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def launch(
    models: Path, folder: Path, arguments: Sequence[str] = (), **settings: str | float
) -> subprocess.Popen[bytes]:
    """Start `ntm serve` with these arguments; its log is folder/log."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = CLEAN | {
        "NTM_MODELS": str(models),
        "NTM_DATA": str(folder / "data"),
        "NTM_COMPILED": str(compiled.FOLDER),
        "NTM_PORT": "0",
        "NTM_UNREAD_TIMEOUT": str(PATIENCE),  # what is asked is answered, however late
        **{f"NTM_{name.upper()}": str(value) for name, value in settings.items()},
    }
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*NTM, "serve", *arguments], env=environment, stdout=log, stderr=log
        )


def await_ready(process: subprocess.Popen[bytes], log: Path) -> Server:
    """The server once it listens."""
    deadline = time.monotonic() + PATIENCE  # a Ray of its own takes its time
    while time.monotonic() < deadline and process.poll() is None:
        if found := LISTENING.search(log.read_text()):
            return Server(process, found[1], log)
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"the service did not start:\n{log.read_text()}")


@contextmanager
def serving(
    models: Path, folder: Path, arguments: Sequence[str] = (), **settings: str | float
) -> Iterator[Server]:
    """A server for as long as it is needed; killed in the end if it still runs."""
    process = launch(models, folder, arguments, **settings)
    try:
        yield await_ready(process, folder / "log")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)


def refused(models: Path, folder: Path, **settings: str | float) -> tuple[int, str]:
    """Exit code and output of a service that should not start."""
    process = launch(models, folder, **settings)
    try:
        code = process.wait(PATIENCE)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE)
    return code, (folder / "log").read_text()
