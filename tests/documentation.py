"""Code blocks of Markdown, run as they are written, in order, against a server on a free port.

`python -m tests.documentation docs/*.md` runs those of all pages, `tests/test_readme.py` those of
the README.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.command_line import ROOT
from tests.service.running import serving

BLOCK = re.compile(r'^```(bash|python)(?: title="([^"]+)")?\n(.*?)^```', re.DOTALL | re.MULTILINE)
BIN = Path(sys.executable).parent


class Block(NamedTuple):
    """A block of code, and the file that it is the content of, if it is one's."""

    language: str
    file: str
    code: str


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in bash and Python."""
    return [Block(*found) for found in BLOCK.findall(page.read_text(encoding="utf-8"))]


@contextmanager
def folder_and_server(folder: Path) -> Iterator[str]:
    """The URL of a server on the shipped models, which lie in the folder as in a checkout."""
    (folder / "models").symlink_to(ROOT / "models")
    with serving(ROOT / "models", folder, unread_timeout=1.0) as server:
        yield server.url
        assert server.stop(signal.SIGTERM) == 0


def run(block: Block, folder: Path, url: str) -> None:
    """Run a block, or write the file that it is.

    Raises:
        AssertionError: it failed
    """
    if block.file:
        (folder / block.file).write_text(block.code, encoding="utf-8")
        return
    code = block.code.replace("localhost:8000", url.removeprefix("http://"))
    command = ["bash", "-euo", "pipefail", "-c", code]
    if block.language == "python":
        command = [sys.executable, "-c", code]
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"


def main(pages: list[Path]) -> None:
    """Run the blocks of every page in a folder of its own, and say how many."""
    with tempfile.TemporaryDirectory() as base:
        for page in pages:
            folder = Path(base) / page.stem
            folder.mkdir()
            with folder_and_server(folder) as url:
                for block in blocks(page):
                    run(block, folder, url)
            print(f"{page}: {len(blocks(page))} blocks")


if __name__ == "__main__":
    main([page for page in map(Path, sys.argv[1:]) if blocks(page)])
