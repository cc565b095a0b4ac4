"""Serving needs no torch: neither in what it imports nor in what it runs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import service
from tests.command_line import ROOT
from tests.service.running import CLEAN

ABSENT = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "onnxscript"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
"""
SERVE = """
import asyncio, sys
from pathlib import Path
import httpx
from service.app import create_app
from service.settings import Settings


async def main():
    app = create_app(Settings(models=Path(sys.argv[1]), data=Path(sys.argv[2])))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ntm") as client:
        example = (await client.get("/models/copy/example?length=4")).json()
        told = (await client.post("/predict", json=example)).json()
        assert len(told["outputs"]) == 10, told
        everything = "inputs,addressing,writes,reads,controller,memory"
        for query in ("", f"?include={everything}", "?format=npz", "?format=png"):
            answer = await client.get(f"/trace/{told['trace_id']}{query}")
            assert answer.status_code == 200, answer.text
        for path in ("/models", "/models/copy", "/trace", "/metrics", "/openapi.json"):
            assert (await client.get(path)).status_code == 200
    assert not {"torch", "onnx", "onnxscript"} & sys.modules.keys()
    print("served")


asyncio.run(main())
"""
TORCHSCRIPT = """
import sys
from pathlib import Path
from service.engines import EngineUnavailable, open_engine
from ntm.repository.folders import VersionFolder

try:
    open_engine(VersionFolder(Path(sys.argv[1]) / "copy" / "1"), "torchscript", "cpu", 1)
except EngineUnavailable as error:
    print(error)
"""


def run(code: str, *arguments: Path) -> str:
    """What a fresh interpreter without torch prints."""
    done = subprocess.run(
        [sys.executable, "-c", ABSENT + code, *map(str, arguments)],
        env=CLEAN,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_request_is_answered_without_torch(repository: Path, tmp_path: Path) -> None:
    assert run(SERVE, repository, tmp_path) == "served"


def test_the_command_line_starts_without_torch() -> None:
    assert run("import ntm.cli, service.command\nprint('imported')") == "imported"


def imports(path: Path) -> set[str]:
    """The packages that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


SERVICE = Path(str(service.__file__)).parent
MAY = {"engines/torchscript.py", "engines/choose.py"}


@pytest.mark.parametrize(
    "path", sorted(SERVICE.rglob("*.py")), ids=lambda path: path.relative_to(SERVICE).as_posix()
)
def test_only_the_torchscript_engine_imports_torch(path: Path) -> None:
    name = path.relative_to(SERVICE).as_posix()
    heavy = imports(path) & {"torch", "onnx", "onnxscript"}
    assert heavy == ({"torch"} if name in MAY else set())


def test_choosing_an_engine_imports_torch_in_one_function_only() -> None:
    tree = ast.parse((SERVICE / "engines" / "choose.py").read_text())
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not any("torch" in ast.unparse(node) for node in top)
    within = [
        n.name
        for n in tree.body
        if isinstance(n, ast.FunctionDef) and "import torch" in ast.unparse(n)
    ]
    assert within == ["_torchscript"]


def test_the_library_never_imports_the_service() -> None:
    for path in sorted((ROOT / "ntm").rglob("*.py")):
        assert "service" not in imports(path), path
