"""Compiling once a machine: what is compiled lies in a folder, by what it was compiled from.

Compiling takes ten seconds or more and holds the interpreter, so that a service has another process
do it (`python -m ntm.architectures.kernels FOLDER`) and loads what that one has left. From then on
the functions take the types they were loaded with and no others: nothing is compiled by a call.
An image may bring a folder of its own, `share/ntm/native` in its virtual environment.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ntm.compiled.processor import processor

PACKAGE = Path(__file__).parents[1]
SOURCES = ("compiled/*.py", "architectures/*/kernel/*.py", "architectures/kernels.py")
READY = "ready"  # a file, written last: the seconds that compiling took
KEY_LENGTH = 16
BROUGHT = Path(sys.prefix) / "share" / "ntm" / "native"


class Kernel(NamedTuple):
    """What is compiled."""

    walk: Any  # ntm.architectures.ntm.kernel.walk.walk
    replay: Any  # ntm.architectures.ntm.kernel.replay.replay
    to_json: Any  # ntm.compiled.json_numbers.to_json
    functions: tuple[Any, ...]  # all that Numba compiled


_loaded: list[Kernel] = []
_loading = threading.Lock()


def is_installed() -> bool:
    """Whether Numba is there."""
    return importlib.util.find_spec("numba") is not None


def folder_for(compiled: Path) -> Path:
    """Where this source, compiled by this Numba for this processor, belongs under `compiled`."""
    key = hashlib.sha256()
    for source in sorted(source for pattern in SOURCES for source in PACKAGE.glob(pattern)):
        key.update(source.read_bytes())
    # Numba finds what it has compiled by the place of the source, too
    for told in (PACKAGE, version("numba"), platform.python_version(), *processor()):
        key.update(f"{told}\n".encode())
    return compiled / key.hexdigest()[:KEY_LENGTH]


def is_ready(compiled: Path) -> bool:
    """Whether loading takes no compiling."""
    return is_installed() and any(
        (folder_for(place) / READY).exists() for place in (compiled, BROUGHT)
    )


def seconds_taken(compiled: Path) -> float | None:
    """How long compiling took what is ready; None where nothing is, or nobody knows."""
    for place in (compiled, BROUGHT):
        try:
            return float(json.loads((folder_for(place) / READY).read_text(encoding="ascii")))
        except (OSError, ValueError, TypeError):
            continue
    return None


def command(compiled: Path) -> list[str]:
    """What compiles in a process of its own; `-P`: a file `ntm.py` of the user is none of ours."""
    return [sys.executable, "-P", "-m", "ntm.architectures.kernels", str(compiled)]


def compile_elsewhere(compiled: Path) -> None:
    """Compile in a process of its own, and wait for it.

    Raises:
        subprocess.CalledProcessError: it failed
    """
    subprocess.run(command(compiled), check=True, stdin=subprocess.DEVNULL)


def load(compiled: Path) -> Kernel:
    """The compiled functions, once a process; compiled here and now where they are not ready."""
    with _loading:
        if not _loaded:
            _loaded.append(_load(compiled))
        return _loaded[0]


def _load(compiled: Path) -> Kernel:
    began = time.monotonic()
    folder = folder_for(compiled)
    take_brought(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kernel = _import_functions(folder)
    if not (folder / READY).exists():
        (folder / READY).write_text(f"{time.monotonic() - began:.1f}\n", encoding="ascii")
    return kernel


def take_brought(folder: Path) -> None:
    """Copy what the image has compiled, if it fits: Numba reads only where it may write."""
    brought = BROUGHT / folder.name
    if not (folder / READY).exists() and (brought / READY).exists():
        being_copied = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.copytree(brought, being_copied)
        try:
            being_copied.rename(folder)
        except OSError:  # another process was quicker, or had begun to compile
            shutil.rmtree(being_copied)


def _import_functions(folder: Path) -> Kernel:
    """Import what is compiled, have it compiled or read, and end the compiling."""
    import numba

    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    from ntm.architectures.ntm.kernel import example
    from ntm.architectures.ntm.kernel.replay import replay
    from ntm.architectures.ntm.kernel.walk import walk
    from ntm.compiled.json_numbers import to_json, write

    def run_to_json() -> None:
        to_json(np.ones(1, np.float32))

    examples: dict[Any, Callable[[], None]] = {
        walk: lambda: example.run(walk),
        replay: lambda: example.run_replay(replay),
        write: run_to_json,
    }
    try:
        for function, run in examples.items():
            function.enable_caching()
            run()
            function.disable_compile()
    except Exception:  # a damaged file would fail again at every start
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Kernel(walk, replay, to_json, tuple(examples))


def loaded() -> Kernel | None:
    """What this process has loaded, if it has."""
    return _loaded[0] if _loaded else None


def main(compiled: Path) -> None:
    """Compile with low priority, one process at a time: another finds it done."""
    if hasattr(os, "nice"):
        os.nice(10)  # whoever waits for it is answered by another engine meanwhile
    folder = folder_for(compiled)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the process ends, however that is
        load(compiled)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
