"""The servers that peers.py measures: ours, and each peer as a competent user would set it up."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson
import running
import server
from forms import LISTED, OURS, OURS_BINARY, PLAIN, V2, V2_BINARY, Form, unrecorded
from running import PEERS

from ntm.silence import OPTED_OUT

ROOT = PEERS.parent.parent
DEBIANS = "/usr/bin/python3"
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
    ready: Callable[[bytes], bool] = lambda body: True


@cache
def interpreter() -> str:
    """The Python that all have: Debian's, the only one that Triton's stub runs with.

    With one that was compiled without profiles ours took 3 to 6 % longer, which is nobody's merit.
    """
    fits = "import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 11))"
    try:
        subprocess.run([DEBIANS, "-c", fits], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return sys.executable
    return DEBIANS


def python_version() -> str:
    """What it says of itself."""
    told = subprocess.run([interpreter(), "-V"], check=True, capture_output=True, text=True)
    return f"{told.stdout.strip()} ({interpreter()})"


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


def script(name: str) -> Callable[[Site], tuple[list[str], Environment]]:
    """A file that serves when it is run."""

    def launch(site: Site) -> tuple[list[str], Environment]:
        return [str(site.python), str(PEERS / f"{name}.py")], environment(site)

    return launch


def mlserver(batch: int) -> Callable[[Site], tuple[list[str], Environment]]:
    """Its own command on a folder with its two files of settings.

    Its batches take sequences of one length only and fail with others, so that it is measured
    without batches too.
    """

    def launch(site: Site) -> tuple[list[str], Environment]:
        settings = {
            "host": "127.0.0.1",
            "http_port": site.port,
            "grpc_port": running.free_port(),
            "metrics_port": running.free_port(),
            "parallel_workers": 2,
            "debug": False,
        }
        model = {
            "name": "copy",
            "implementation": "mlserver_runtime.Copy",
            "max_batch_size": batch,
            "max_batch_time": 0.005 if batch else 0,
        }
        (site.folder / "settings.json").write_text(json.dumps(settings))
        (site.folder / "model-settings.json").write_text(json.dumps(model))
        command = [str(site.python.with_name("mlserver")), "start", str(site.folder)]
        return command, environment(site)

    return launch


def bentoml(site: Site) -> tuple[list[str], Environment]:
    """Its own command."""
    words = ["serve", "bentoml_service:Copy", "--host", "127.0.0.1", "--working-dir"]
    command = [str(site.python.with_name("bentoml")), *words, str(PEERS), "--port", str(site.port)]
    told = {"BENTOML_HOME": str(site.folder / "home"), "BENTOML_DO_NOT_TRACK": "True"}
    return command, environment(site) | told


def ours(workers: int) -> Callable[[Site], tuple[list[str], Environment]]:
    """`ntm serve` as installed."""

    def launch(site: Site) -> tuple[list[str], Environment]:
        command = [str(site.python), "-c", "from ntm.cli import main; main()", "serve"]
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
        "BENTOML_DO_NOT_TRACK": "True",
        **OPTED_OUT,
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
    Contender("triton", "Triton + ONNX Runtime", "triton_model.py", triton, V2_FORMS),
    Contender(
        "fastapi-onnx",
        "FastAPI + ONNX Runtime",
        "fastapi_onnx.py",
        uvicorn("fastapi_onnx"),
        {"json": PLAIN},
    ),
    Contender(
        "fastapi-eager",
        "FastAPI + eager PyTorch",
        "fastapi_eager.py",
        uvicorn("fastapi_eager"),
        {"json": PLAIN},
    ),
    Contender("litserve", "LitServe", "litserve_api.py", script("litserve_api"), {"json": PLAIN}),
    Contender("mlserver", "MLServer", "mlserver_runtime.py", mlserver(16), {"json": V2}),
    Contender(
        "mlserver-unbatched",
        "MLServer, no batches",
        "mlserver_runtime.py",
        mlserver(0),
        {"json": V2},
    ),
    Contender("bentoml", "BentoML", "bentoml_service.py", bentoml, {"json": LISTED}),
    Contender("ray", "Ray Serve", "ray_app.py", script("ray_app"), {"json": PLAIN}),
]


def settle(contender: Contender, folder: Path, model: Path, models: Path) -> Site:
    """Its environment, and a place to run.

    Raises:
        CannotRun: it could not be installed
    """
    name, needs = "ntm", ["-c", str(ROOT / ".ci" / "constraints.txt"), "-e", f"{ROOT}[cpu]"]
    if contender.file:
        name, needs = Path(contender.file).stem, running.needs_of(contender.file)
    python = running.build(folder / "venvs" / name, needs, interpreter())
    place = folder / "run" / contender.name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return Site(python, running.free_port(), place, model, models)
