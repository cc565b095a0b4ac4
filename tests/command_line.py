"""`ntm` as a user types it: in this process, or in one of its own where a test is about that."""

import io
import os
import subprocess
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from ntm.cli import main

ROOT = Path(__file__).parents[1]
NTM = (sys.executable, "-c", "from ntm.cli import main; main()")
NTM_WITH_TINY_RECIPE = (sys.executable, "-m", "tests.tiny_training")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1"}


def start(*arguments: str | Path, command: tuple[str, ...] = NTM) -> subprocess.Popen[str]:
    """The running command, its output in pipes."""
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """What a started command gave in the end."""
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def ntm(
    *arguments: str | Path, command: tuple[str, ...] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end: in this process, or started as `command`."""
    if command:
        return finish(start(*arguments, command=command))
    typed = ["ntm", *map(str, arguments)]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    code: object = 0
    with ExitStack() as changed:
        changed.enter_context(redirect_stdout(out))
        changed.enter_context(redirect_stderr(err))
        changed.enter_context(patch.object(sys, "argv", typed))
        changed.enter_context(patch.dict(os.environ, {"COLUMNS": "80", "NO_COLOR": "1"}))
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return subprocess.CompletedProcess(typed, int(str(code or 0)), told(out), told(err))


def told(stream: io.TextIOWrapper) -> str:
    """What was written to it."""
    stream.flush()
    stream.seek(0)
    return stream.read()
