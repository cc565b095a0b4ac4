"""Compiling once a machine: what is compiled lies in a folder, by what it was compiled from.

Compiling takes ten seconds or more and holds the interpreter, so that a service has another process
do it (`python -m ntm.architectures.kernels FOLDER`) and loads what that one has left.
"""

import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ntm.compiled.processor import processor

PACKAGE = Path(__file__).parents[1]
SOURCES = ("compiled/*.py", "architectures/*/kernel/*.py", "architectures/kernels.py")
READY = "ready"
KEY_LENGTH = 16


class Kernel(NamedTuple):
    """What is compiled."""

    walk: Any  # ntm.architectures.ntm.kernel.walk.walk
    replay: Any  # ntm.architectures.ntm.kernel.replay.replay
    to_json: Any  # ntm.compiled.json_numbers.to_json


_loaded: list[Kernel] = []


def is_installed() -> bool:
    """Whether Numba is there."""
    return importlib.util.find_spec("numba") is not None


def folder_for(compiled: Path) -> Path:
    """Where this source, compiled by this Numba for this processor, belongs under `compiled`."""
    key = hashlib.sha256()
    for source in sorted(source for pattern in SOURCES for source in PACKAGE.glob(pattern)):
        key.update(source.read_bytes())
    for told in (version("numba"), platform.python_version(), *processor()):
        key.update(f"{told}\n".encode())
    return compiled / key.hexdigest()[:KEY_LENGTH]


def is_ready(compiled: Path) -> bool:
    """Whether loading takes no compiling."""
    return is_installed() and (folder_for(compiled) / READY).exists()


def command(compiled: Path) -> list[str]:
    """What compiles in a process of its own."""
    return [sys.executable, "-m", "ntm.architectures.kernels", str(compiled)]


def compile_elsewhere(compiled: Path) -> None:
    """Compile in a process of its own, and wait for it.

    Raises:
        subprocess.CalledProcessError: it failed
    """
    subprocess.run(command(compiled), check=True, stdin=subprocess.DEVNULL)


def load(compiled: Path) -> Kernel:
    """The compiled functions; compiled here and now where they are not ready."""
    import numba

    folder = folder_for(compiled)
    folder.mkdir(parents=True, exist_ok=True)
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    from ntm.architectures.ntm.kernel import example
    from ntm.architectures.ntm.kernel.replay import replay
    from ntm.architectures.ntm.kernel.walk import walk
    from ntm.compiled.json_numbers import to_json, write

    for function in walk, replay, write:
        function.enable_caching()
    example.run(walk)
    example.run_replay(replay)
    to_json(np.ones(1, np.float32))
    (folder / READY).touch()
    kernel = Kernel(walk, replay, to_json)
    _loaded[:] = [kernel]
    return kernel


def loaded() -> Kernel | None:
    """What this process has loaded, if it has."""
    return _loaded[0] if _loaded else None


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(10)  # whoever waits for it is answered by another engine meanwhile
    load(Path(sys.argv[1]))
