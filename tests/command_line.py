"""`ntm` as a process of its own, as a user starts it."""

import os
import subprocess
import sys
from pathlib import Path

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


def ntm(*arguments: str | Path, command: tuple[str, ...] = NTM) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return finish(start(*arguments, command=command))
