"""docs/train-your-own.md, block by block, in a newcomer's folder: commands within this process."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ntm.cli import application
from ntm.tasks import origin
from tests.service.running import serving

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "train-your-own.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r'```(\w+)(?: title="([\w.]+)")?\n(.*?)```', PAGE, flags=re.DOTALL)
SERVER = ("ntm serve", "until curl", "kill %1")  # lines that the test does in its own way


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing in it, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(origin, "_named", [])
    return tmp_path


def run_line(line: str) -> str:
    """Run one `ntm` line."""
    command, *arguments = shlex.split(line)
    assert command == "ntm", line
    done = CliRunner().invoke(application(), arguments)
    assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
    return done.output


def run_against_a_server(code: str, folder: Path) -> str:
    """Run a block that starts a service."""
    lines = [line for line in code.splitlines() if not line.startswith(SERVER)]
    with serving(folder / "models", folder / "serving") as server:
        asked = "\n".join(lines).replace("localhost:8000", server.url.removeprefix("http://"))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", asked], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_every_block_runs_as_it_is_written(here: Path) -> None:
    told: list[str] = []
    for language, title, code in BLOCKS:
        if title:
            (here / title).write_text(code, encoding="utf-8")
        elif language == "python":
            names: dict[str, Any] = {}
            exec(compile(code, "train-your-own.md", "exec"), names)
        elif language == "bash" and "ntm serve" in code:
            told.append(run_against_a_server(code, here))
        elif language == "bash":
            told += map(run_line, code.strip().splitlines())
    assert (here / "trace.png").read_bytes().startswith(b"\x89PNG")
    assert (here / "models/reverse/1/onnx/signature.json").exists()
    assert any(re.search(r"\d+ wrong bits, trace \w+", answer) for answer in told)
    assert {path.name for path in (here / "runs").iterdir()} == {
        "reverse", "pairs", "words", "reverse4", "watched",
    }  # fmt: skip
