"""Debian's redis-server as a process of its own, on a port and in a folder of its own."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

MISSING = "redis-server is not installed (apt-get install redis-server)"
needs_redis = pytest.mark.skipif(not shutil.which("redis-server"), reason=MISSING)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class RedisServer:
    """Writes every change to disk before it answers, so that a kill loses nothing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "RedisServer":
        """Start, and wait until it answers."""
        command = ["redis-server", *self.listening(), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.folder), "--save", "", "--appendonly", "yes"]
        command += ["--appendfsync", "always"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while self.ask("PING") != b"+PONG\r\n":
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)
        return self

    def listening(self) -> list[str]:
        """The options that say where."""
        return ["--port", str(self.port)]

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), 60)

    def ask(self, command: str) -> bytes:
        """The answer to an inline command; nothing where it is down."""
        try:
            with self.connect() as connection:
                connection.sendall(f"{command}\r\n".encode())
                return connection.recv(4096)
        except OSError:
            return b""

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP makes it hang, SIGCONT goes on."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a power cut of the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)
            self.process = None
