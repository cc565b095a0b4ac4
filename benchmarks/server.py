"""A service in a process of its own, what it has counted, and the model that it serves."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import torch

from ntm import NTM
from ntm.architectures import kernels
from ntm.export.write import export_onnx
from ntm.repository import checkpoint
from ntm.tasks import Copy

LISTENING = re.compile(r"running on (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class Counts:
    """What /metrics says of all models."""

    steps: float
    wasted: float
    chunks: float
    rows: float
    engine_seconds: float

    def since(self, before: "Counts") -> "Counts":
        """The difference."""
        now, then = vars(self), vars(before)
        return Counts(**{name: now[name] - then[name] for name in now})


@dataclass(frozen=True)
class Server:
    """A running service."""

    url: str
    process: int

    def counts(self) -> Counts:
        """Its counters now."""
        with urlopen(f"{self.url}/metrics") as answer:
            lines = answer.read().decode().splitlines()

        def total(name: str) -> float:
            mine = (line for line in lines if line.startswith((f"{name}{{", f"{name} ")))
            return sum(float(line.rpartition(" ")[2]) for line in mine)

        return Counts(
            steps=total("ntm_steps_total"),
            wasted=total("ntm_wasted_steps_total"),
            chunks=total("ntm_batch_rows_count"),
            rows=total("ntm_batch_rows_sum"),
            engine_seconds=total("ntm_engine_seconds_total"),
        )

    def resident(self) -> float:
        """Its memory in MiB."""
        status = Path(f"/proc/{self.process}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


def reference_model(models: Path) -> None:
    """The model of the paper's copy task, untrained: speed does not depend on the weights."""
    torch.manual_seed(0)
    model = NTM(input_size=10, output_size=8).eval()
    export_onnx(checkpoint.save(models / "copy" / "1", model, Copy(), {}))


def compiled() -> Path:
    """The native engine, compiled before anything is measured."""
    folder = Path(tempfile.gettempdir()) / "ntm-native"
    if not kernels.is_ready(folder):
        kernels.compile_elsewhere(folder)
    return folder


@contextmanager
def serving(models: Path, folder: Path, **settings: str | float) -> Iterator[Server]:
    """A service on a port of its own for as long as it is needed."""
    folder.mkdir()
    told = {f"NTM_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {name: value for name, value in os.environ.items() if name[:4] != "NTM_"} | {
        "NTM_MODELS": str(models),
        "NTM_DATA": str(folder / "data"),
        "NTM_PORT": "0",
        "NTM_COMPILED": str(compiled()),
        **told,
    }
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-c", "from ntm.cli import main; main()", "serve"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield Server(await_url(process, folder / "log"), process.pid)
    finally:
        process.terminate()
        process.wait(60)


def await_url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, once it does."""
    while process.poll() is None:
        if found := LISTENING.search(log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start:\n{log.read_text()}")
