"""Servers in virtual environments of their own: built, started, watched and stopped."""

import os
import re
import socket
import subprocess
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PEERS = Path(__file__).parent / "peers"
METADATA = re.compile(r"^# /// script\n((?:#.*\n)+?)# ///$", re.MULTILINE)  # PEP 723
START = 180  # seconds


class CannotRun(Exception):
    """A server could not be installed or started; the message says why."""


def needs_of(file: str) -> list[str]:
    """What a server's file says that it needs."""
    found = METADATA.search((PEERS / file).read_text())
    assert found, f"{file} does not say what it needs"
    lines = (line.removeprefix("#").removeprefix(" ") for line in found[1].splitlines())
    needs: list[str] = tomllib.loads("\n".join(lines))["dependencies"]
    return needs


def build(folder: Path, needs: list[str], python: str) -> Path:
    """The Python of a virtual environment with these needs, in pip's words.

    Raises:
        CannotRun: pip's last words
    """
    done, runs = folder / "installed", folder / "bin" / "python"
    settled = "\n".join([python, *needs])
    if done.exists() and done.read_text() == settled:
        return runs
    print(f"installing {', '.join(needs)}", flush=True)
    for command in (
        [python, "-m", "venv", "--clear", str(folder)],
        [str(runs), "-m", "pip", "--disable-pip-version-check", "install", "-q", *needs],
    ):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise CannotRun(last_words(getattr(error, "stderr", "") or str(error))) from error
    done.write_text(settled)
    return runs


@dataclass
class Running:
    """A server's processes."""

    url: str
    root: subprocess.Popen[bytes]

    def processes(self) -> list[psutil.Process]:
        """All of them, the first one started first."""
        try:
            root = psutil.Process(self.root.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def processor_seconds(self) -> float:
        """What its processes have used since they started."""
        total = 0.0
        for process in self.processes():
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system
        return total

    def resident(self) -> float:
        """Its memory in MiB; what processes share is counted once."""
        total = 0
        for process in self.processes():
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        return total / 2**20

    def stop(self) -> None:
        """End all of it."""
        processes = self.processes()
        self.root.terminate()
        try:
            self.root.wait(30)
        except subprocess.TimeoutExpired:
            self.root.kill()
        _, alive = psutil.wait_procs(processes, timeout=5)
        for process in alive:
            with suppress(psutil.Error):
                process.kill()


def start(
    command: list[str],
    environment: dict[str, str],
    folder: Path,
    port: int,
    answers: Callable[[str], bool],
) -> Running:
    """A server, once it answers.

    Args:
        command: that runs until it is ended
        environment: on top of this process's own
        folder: for its log, and where it runs
        port: that it listens on
        answers: whether the server at this URL answers as it should

    Raises:
        CannotRun: it ended or did not answer in time; the message has its last words
    """
    folder.mkdir(parents=True, exist_ok=True)
    url, log = f"http://127.0.0.1:{port}", folder / "log"
    own = {name: value for name, value in os.environ.items() if not name.startswith("NTM_")}
    with log.open("wb") as out:
        root = subprocess.Popen(command, env=own | environment, cwd=folder, stdout=out, stderr=out)
    running, until = Running(url, root), time.monotonic() + START
    while time.monotonic() < until:
        if root.poll() is not None:
            raise CannotRun(f"ended with {root.returncode}: {last_words(log.read_text())}")
        if answers(url):
            return running
        time.sleep(0.02)
    running.stop()
    raise CannotRun(f"no answer within {START} s: {last_words(log.read_text())}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


def last_words(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
