"""Every script of `examples/` runs, against the small models."""

import runpy
from pathlib import Path

import pytest

from tests.command_line import ROOT
from tests.service.running import Server

EXAMPLES = ROOT / "examples"
ASKING = ["predict", "stream", "why"]


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_it_runs(
    server: Server,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    argument = server.url if name in ASKING else str(repository / "copy" / "1")
    monkeypatch.setattr("sys.argv", [name, argument])
    runpy.run_path(str(EXAMPLES / f"{name}.py"))
    assert capsys.readouterr().out
    assert f"`{name}.py`" in (EXAMPLES / "README.md").read_text()
