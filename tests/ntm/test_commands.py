"""What `ntm` imports, and what it says where a command cannot be loaded."""

import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ntm.cli import COMMANDS, SUMMARIES, load
from tests.command_line import ENVIRONMENT, NTM, ROOT, ntm

HEAVY = {"numpy", "pydantic", "service", "torch"}


def test_help_imports_no_command() -> None:
    report = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(sorted({HEAVY} & set(sys.modules))))\n"
        "from ntm.cli import main\nmain()"
    )
    done = ntm("--help", command=(sys.executable, "-c", report))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "[]"
    for name in (*COMMANDS, *SUMMARIES):
        assert f"  {name} " in done.stdout


def test_the_version_is_told() -> None:
    done = ntm("--version")
    assert done.returncode == 0
    assert done.stdout == f"neural-turing-machine {version('neural-turing-machine')}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str) -> None:
    assert inspect.getdoc(load(COMMANDS[name]))


def test_help_comes_in_a_folder_that_hides_the_service(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    for module in ("__init__.py", "command.py"):  # of a project that has nothing to do with this
        (tmp_path / "service" / module).touch()
    environment = ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*NTM, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    told = run("--help")
    assert told.returncode == 0
    assert "predict" in told.stdout
    refused = run("serve")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "is another service on the Python path" in refused.stderr
