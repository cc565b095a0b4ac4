"""The README's examples, run as they are written, and what it and the documentation point to."""

import re
import shutil
from pathlib import Path

import pytest

from service.settings import describe
from tests.command_line import ROOT
from tests.documentation import blocks, folder_and_server, run

README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.timeout(600)
def test_every_example_runs_as_it_is_written(tmp_path: Path) -> None:
    found = blocks(README)
    assert len(found) >= 3
    with folder_and_server(tmp_path) as url:
        for block in found:
            run(block, tmp_path, url)
    assert (tmp_path / "try/trace.png").read_bytes().startswith(b"\x89PNG")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"models", "data", "try", "log"}, "git ignores data and try"


def test_the_settings_are_those_of_the_service() -> None:
    assert f"```text\n{describe()}\n```" in (ROOT / "docs" / "operate.md").read_text()


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.name)
def test_what_a_page_points_to_exists(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
