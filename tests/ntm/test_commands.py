"""What `ntm` imports, and what it says where a command cannot be loaded."""

import inspect
import subprocess
import sys
from importlib.metadata import EntryPoint, version
from pathlib import Path

import pytest

from ntm.cli import COMMANDS, GROUP, SUMMARIES, application, load, load_entry
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


def test_a_folder_called_service_disturbs_nothing(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    for module in ("__init__.py", "command.py"):  # of a project that has nothing to do with this
        (tmp_path / "service" / module).touch()
    environment = ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*NTM, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    told = run("serve", "--help")
    assert told.returncode == 0, told.stderr
    assert "NTM_PORT" in told.stdout


def test_a_command_of_a_package_that_cannot_be_imported_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        load_entry(EntryPoint("dream", "nowhere_to_be_found:dream", GROUP))
    told = capsys.readouterr().err
    assert told.startswith("error: the command dream cannot be loaded from nowhere_to_be_found")
    assert "is another nowhere_to_be_found on the Python path" in told


def complete(words: str, monkeypatch: pytest.MonkeyPatch, out: pytest.CaptureFixture[str]) -> str:
    """What the shell is told to offer for the last of some words."""
    monkeypatch.setenv("_NTM_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    with pytest.raises(SystemExit):
        application()(prog_name="ntm")
    return out.readouterr().out


def test_a_shell_completes_commands_and_their_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complete("ntm pre", monkeypatch, capsys).split() == ["predict"]
    assert complete("ntm predict --memory", monkeypatch, capsys).split() == ["--memory-slots"]
    assert "--workers" in complete("ntm serve --", monkeypatch, capsys).split()
