"""The README's examples, run as they are written, in order, against a server on a free port."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import describe

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", README, flags=re.DOTALL)
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the shipped models in it."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "models").symlink_to(ROOT / "models")
    return folder


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    """The port of a server on the shipped models."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "NTM_PORT": str(port), "NTM_DATA": str(folder / "data")}
    server = subprocess.Popen([BIN / "ntm", "serve"], cwd=folder, env=env)
    try:
        wait_until_ready(port, server)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=300) == 0


def wait_until_ready(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Return once the server answers its readiness probe."""
    for _ in range(1500):
        assert server.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready").close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not become ready")


@pytest.mark.timeout(600)
def test_every_example_runs_as_it_is_written(folder: Path, port: int) -> None:
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    assert len(BLOCKS) >= 6
    for language, code in BLOCKS:
        code = code.replace("localhost:8000", f"127.0.0.1:{port}")
        command = ["bash", "-euo", "pipefail", "-c", code]
        if language == "python":
            command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    assert (folder / "try/trace.png").read_bytes().startswith(b"\x89PNG")
    assert b'"read_weightings"' in (folder / "try/trace.json").read_bytes()
    assert b'"content_weighting"' in (folder / "try/stages.json").read_bytes()
    assert (folder / "try/copy/1/onnx/signature.json").exists()
    left = {path.name for path in folder.iterdir()}
    assert left == {"models", "data", "try"}, "git ignores the last two"


def test_the_settings_are_those_of_the_service() -> None:
    assert f"```text\n{describe()}\n```" in README


def test_what_the_readme_points_to_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
