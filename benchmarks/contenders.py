"""The servers that peers.py measures: ours, and each peer as a competent user would set it up."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import running
import server
from forms import OURS, OURS_BINARY, PLAIN, V2, V2_BINARY, Form, unrecorded
from running import PEERS

ROOT = PEERS.parent.parent
Environment = dict[str, str]


@dataclass(frozen=True)
class Site:
    """Where one server runs."""

    python: Path  # of its virtual environment
    port: int
    folder: Path  # its own
    model: Path  # chunk.onnx and initial.npz
    models: Path  # the same model as a repository of ours


@dataclass(frozen=True, eq=False)
class Contender:
    """A server: its file in peers/, what starts it, and the forms that it speaks."""

    name: str
    title: str
    file: str  # none for ours
    launch: Callable[[Site], tuple[list[str], Environment]]
    forms: dict[str, Form]
    python: str = sys.executable
    ready: Callable[[bytes], bool] = lambda body: True
    restless: bool = False  # busy when nobody asks


def uvicorn(app: str) -> Callable[[Site], tuple[list[str], Environment]]:
    """Two worker processes."""

    def launch(site: Site) -> tuple[list[str], Environment]:
        words = f"-m uvicorn {app}:app --workers 2 --no-access-log --log-level warning --port"
        return [str(site.python), *words.split(), str(site.port)], environment(site)

    return launch


def triton(site: Site) -> tuple[list[str], Environment]:
    """The server itself on a model folder; its Python backend looks for the stub beside itself."""
    packages = next(site.python.parent.parent.glob("lib/python*/site-packages"))
    inside = packages / "pytriton" / "tritonserver"
    model = site.folder / "repository" / "copy"
    (model / "1").mkdir(parents=True, exist_ok=True)
    shutil.copy(PEERS / "triton_model.py", model / "1" / "model.py")
    shutil.copy(PEERS / "unrolled.py", model / "1")  # the stub ignores PYTHONPATH
    shutil.copy(PEERS / "triton.pbtxt", model / "config.pbtxt")
    backends = inside / "backends"
    stub = inside / "python_backend_stubs" / "3.11" / "triton_python_backend_stub"
    shutil.copy(stub, backends / "python")
    words = [f"--model-repository={model.parent}", f"--backend-directory={backends}"]
    words += [f"--http-port={site.port}", "--http-address=127.0.0.1"]
    words += ["--allow-grpc=false", "--allow-metrics=false"]
    told = {"PATH": f"{site.python.parent}{os.pathsep}{os.environ['PATH']}"}
    told["LD_LIBRARY_PATH"] = str(packages / "nvidia_pytriton.libs")
    return [str(inside / "bin" / "tritonserver"), *words], environment(site) | told


def ours(workers: int) -> Callable[[Site], tuple[list[str], Environment]]:
    """`ntm serve` as installed."""

    def launch(site: Site) -> tuple[list[str], Environment]:
        command = [sys.executable, "-c", "from ntm.cli import main; main()", "serve"]
        if workers > 1:
            command += ["--workers", str(workers)]
        return command, {
            "PYTHONPATH": str(ROOT),
            "NTM_MODELS": str(site.models),
            "NTM_DATA": str(site.folder / "data"),
            "NTM_PORT": str(site.port),
            "NTM_COMPILED": str(server.compiled()),
        }

    return launch


def environment(site: Site) -> Environment:
    """What every peer's file may read."""
    path = os.pathsep.join([str(PEERS), str(ROOT)])
    return {
        "MODEL": str(site.model),
        "MODELS": str(site.models),
        "PORT": str(site.port),
        "PYTHONPATH": path,
    }


def computes_natively(body: bytes) -> bool:
    """Whether an answer of ours is by the engine that is compiled first."""
    return orjson.loads(body)["engine"] == "native"


RECORDED = {"json": OURS, "binary": OURS_BINARY}
NOT_RECORDED = {name: unrecorded(form) for name, form in RECORDED.items()}
V2_FORMS = {"json": V2, "binary": V2_BINARY}

ALL = [
    Contender("ours", "ntm serve", "", ours(1), RECORDED, ready=computes_natively),
    Contender("ours-2", "ntm serve --workers 2", "", ours(2), RECORDED, ready=computes_natively),
    Contender(
        "ours-2-untraced",
        "ntm serve --workers 2, no traces",
        "",
        ours(2),
        NOT_RECORDED,
        ready=computes_natively,
    ),
    Contender(
        "triton", "Triton + ONNX Runtime", "triton_model.py", triton, V2_FORMS, "/usr/bin/python3"
    ),
    Contender(
        "fastapi-onnx",
        "FastAPI + ONNX Runtime",
        "fastapi_onnx.py",
        uvicorn("fastapi_onnx"),
        {"json": PLAIN},
    ),
]


def settle(contender: Contender, folder: Path, model: Path, models: Path) -> Site:
    """Its environment, and a place to run.

    Raises:
        CannotRun: it could not be installed
    """
    python = Path(sys.executable)
    if contender.file:
        python = running.build(folder / "venvs" / contender.name, contender.file, contender.python)
    place = folder / "run" / contender.name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return Site(python, running.free_port(), place, model, models)
