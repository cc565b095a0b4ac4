"""Microseconds a step on a GPU, with and without CUDA graphs, beside the CPU: make bench-gpu

Needs a GPU and says so where there is none. The reference model of the paper's copy task,
untrained; engines take turns.
"""

import argparse
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import engine
import numpy as np
import onnxruntime
import results
import torch

from ntm import NTM, checkpoint
from ntm.export.write import export_onnx
from ntm.tasks import Copy
from service.engines import Engine, EngineUnavailable, open_engine

HEADING = "## On a GPU"
BATCHES = (1, 8, 32, 128, 512)
NO_GPU = 1


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15, help="turns of every engine")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    told = parser.parse_args()
    torch.manual_seed(0)
    model = NTM(input_size=10, output_size=8).eval()
    with tempfile.TemporaryDirectory() as folder:
        version = checkpoint.save(Path(folder) / "copy" / "1", model, Copy(), {})
        export_onnx(version)
        try:
            engines = {
                "onnx on CUDA": open_engine(version, "onnx", "cuda", 1),
                "onnx on CUDA, CUDA graphs": open_engine(
                    version, "onnx", "cuda", 1, cuda_graphs=True
                ),
                "onnx on the CPU": open_engine(version, "onnx", "cpu", 1),
                "native": open_engine(version, "native", "cpu", 1, version.path / "native"),
            }
        except EngineUnavailable as error:
            print(f"nothing was measured: {error}", file=sys.stderr)
            sys.exit(NO_GPU)
        rows = [row for batch in BATCHES for row in measure(engines, batch, told.repeats)]
    section = "\n".join([HEADING, "", describe(told.repeats), "", *lines(rows)])
    print(section)
    if not told.no_write:
        results.write(HEADING, section)


def measure(
    engines: dict[str, Engine], batch: int, repeats: int
) -> list[tuple[str, int, float, float, float]]:
    """Engine, batch, and median, fastest and slowest microseconds a step and sequence."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (engine.STEPS, batch, 10)).astype(np.float32)
    return engine.take_turns({n: engine.walk(e, x) for n, e in engines.items()}, batch, repeats)


def describe(repeats: int) -> str:
    """What was measured, where and when."""
    ask = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    card = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"`python benchmarks/gpu.py`, {datetime.now(UTC):%Y-%m-%d}: {card}; "
        f"{results.processor()}, one thread; onnxruntime {onnxruntime.__version__}; "
        f"{engine.STEPS} steps, {repeats} turns each, microseconds a step and sequence (median, "
        f"fastest, slowest), copies to and from the GPU included."
    )


def lines(rows: list[tuple[str, int, float, float, float]]) -> list[str]:
    """The measurements as Markdown."""
    cells = [[name, str(batch), *(f"{us:.2f}" for us in spread)] for name, batch, *spread in rows]
    return results.table(["engine", "batch", "median", "fastest", "slowest"], cells)


if __name__ == "__main__":
    main()
