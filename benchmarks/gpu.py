"""A step and a service on a GPU, with and without CUDA graphs, beside the CPU: make bench-gpu

Needs a GPU and says so where there is none. The reference model of the paper's copy task,
untrained; engines take turns, and so do services.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import clients
import engine
import load
import numpy as np
import results
import server
import serving
import torch

from ntm.repository.folders import VersionFolder
from service.engines import Engine, EngineUnavailable, open_engine

HEADING = "## On a GPU"
BATCHES = (1, 8, 32, 128, 512)
CLIENTS = (1, 32, 128)
NO_GPU = 1
SERVICES = {
    "onnx on CUDA": {"engine": "onnx", "device": "cuda"},
    "onnx on CUDA, CUDA graphs": {"engine": "onnx", "device": "cuda", "cuda_graphs": "true"},
    "onnx on the CPU": {"engine": "onnx", "device": "cpu"},
    "native": {"engine": "native", "device": "cpu"},
}


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15, help="turns of every engine")
    parser.add_argument("--seconds", type=float, default=2, help="of load on a service, in a turn")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        server.reference_model(models)
        try:
            engines = open_engines(VersionFolder(models / "copy" / "1"))
        except EngineUnavailable as error:
            print(f"nothing was measured: {error}", file=sys.stderr)
            sys.exit(NO_GPU)
        rows = [row for batch in BATCHES for row in measure(engines, batch, told.repeats)]
        section = [HEADING, "", *describe(told), "", *steps_table(rows), ""]
        print("\n".join(section), flush=True)
        served = serve(models, Path(folder), told.seconds)
    print("\n".join(served))
    if not told.no_write:
        results.write(HEADING, "\n".join([*section, *served]))


def open_engines(version: VersionFolder) -> dict[str, Engine]:
    """All on one model, with one thread each.

    Raises:
        EngineUnavailable: there is no GPU
    """
    compiled = server.compiled()
    return {
        name: open_engine(
            version, told["engine"], told["device"], 1, compiled, "cuda_graphs" in told
        )
        for name, told in SERVICES.items()
    }


def measure(
    engines: dict[str, Engine], batch: int, repeats: int
) -> list[tuple[str, int, float, float, float]]:
    """Engine, batch, and median, fastest and slowest microseconds a step and sequence."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (engine.STEPS, batch, 10)).astype(np.float32)
    return engine.take_turns({n: engine.walk(e, x) for n, e in engines.items()}, batch, repeats)


def serve(models: Path, folder: Path, seconds: float, turns: int = 3) -> list[str]:
    """Requests a second and their median time, of one service of each kind, as Markdown."""
    asked = [clients.post(body) for body in serving.bodies([serving.COPY_20])]
    seen: dict[tuple[str, int], list[load.Window]] = {}
    with ExitStack() as running:
        services = {
            name: running.enter_context(server.serving(models, folder / str(number), **told))
            for number, (name, told) in enumerate(SERVICES.items())
        }
        for turn in range(turns + 1):
            for count in CLIENTS:
                for name, service in services.items():
                    window = load.window(service.url, asked, count, seconds if turn else 0.5)
                    assert not window.failed, (name, count, window)
                    if turn:  # the first warms up
                        seen.setdefault((name, count), []).append(window)
    rows = []
    for (name, count), windows in seen.items():
        rates = [window.rate for window in windows]
        p50, p99 = (
            1000 * statistics.median(getattr(w, share) for w in windows) for share in ("p50", "p99")
        )
        rows.append([name, str(count), *serving.spread(rates), f"{p50:.1f}", f"{p99:.1f}"])
    header = ["service", "clients", "requests/s", "slowest to fastest", "p50 ms", "p99 ms"]
    return results.table(header, rows)


def describe(told: argparse.Namespace) -> list[str]:
    """What was measured, where and when."""
    ask = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    card = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    return [
        f"`python benchmarks/gpu.py`, {datetime.now(UTC):%Y-%m-%d}: {card}; "
        f"{results.processor()}, {len(os.sched_getaffinity(0))} cores; "
        f"onnxruntime {version('onnxruntime-gpu')}, torch {torch.__version__}. First, "
        f"{engine.STEPS} steps, one thread, {told.repeats} turns each: microseconds a step and "
        f"sequence, copies to and from the GPU included. Then services on copies of 20 (42 "
        f"steps), one worker, in turns of {told.seconds:g} s, with load from "
        f"{load.name()}.",
    ]


def steps_table(rows: list[tuple[str, int, float, float, float]]) -> list[str]:
    """The engines' measurements as Markdown."""
    cells = [[name, str(batch), *(f"{us:.2f}" for us in spread)] for name, batch, *spread in rows]
    return results.table(["engine", "batch", "median", "fastest", "slowest"], cells)


if __name__ == "__main__":
    main()
