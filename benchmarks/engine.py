"""Microseconds a step, every engine side by side in one run: python benchmarks/engine.py

The reference model of the paper's copy task (LSTM 100, memory 128 x 20, one read and one write
head), untrained: speed does not depend on the weights. Engines take turns, so that a machine that
is busy with other things slows all of them alike; compare the ratios.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import exporter
import inductor
import limit
import numpy as np
import results
import torch

from ntm import NTM
from ntm.export.unrolled import nodes_per_step
from ntm.export.write import export_onnx, export_torchscript
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from ntm.tasks import Copy
from service.engines import Engine, open_engine

STEPS = 64
BATCHES = (1, 8, 32, 128)
HEADING = "## Engines, a step"

Run = Callable[[], object]


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15, help="turns of every engine")
    parser.add_argument(
        "--others",
        action="store_true",
        help="AOTInductor and PyTorch's own ONNX export too; minutes, and a C++ compiler",
    )
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = NTM(input_size=10, output_size=8).eval()
    with tempfile.TemporaryDirectory() as folder:
        version = checkpoint.save(Path(folder) / "copy" / "1", model, Copy(), {})
        export_onnx(version)
        export_torchscript(version)
        rows = []
        for batch in BATCHES:
            others = made_by_others(model, batch, Path(folder)) if options.others else {}
            rows += measure(model, version, batch, options.repeats, others)
        least = limit.step_of(model.config)
    rows.append(("the limit", 1, *least))
    nodes = nodes_per_step(model.config, checkpoint.weights_of(model))
    section = "\n".join([HEADING, "", *describe(options.repeats, nodes), "", *lines(rows)])
    print(section)
    if not options.no_write:
        names = ("engine", "batch", "median", "fastest", "slowest")
        points = [dict(zip(names, row, strict=True)) for row in rows]
        results.keep("engine", {"processor": results.processor(), "points": points})
        results.write(HEADING, section)


def measure(
    model: NTM,
    version: VersionFolder,
    batch: int,
    repeats: int,
    others: dict[str, Callable[[np.ndarray], Run]],
) -> list[tuple[str, int, float, float, float]]:
    """Engine, batch, and median, fastest and slowest microseconds a step and sequence."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (STEPS, batch, model.config.input_size)).astype(np.float32)
    runs: dict[str, Run] = {"eager": eager(model, x)}
    cache = version.path / "native"
    for name in ("torchscript", "onnx", "native"):
        runs[name] = walk(open_engine(version, name, "cpu", 1, cache), x)
    runs |= {name: make(x) for name, make in others.items()}
    return take_turns(runs, batch, repeats)


def made_by_others(model: NTM, batch: int, folder: Path) -> dict[str, Callable[[np.ndarray], Run]]:
    """What PyTorch itself makes of the model, for a batch of this size."""
    name = f"PyTorch's ONNX export, {exporter.UNROLLED} steps unrolled"
    made = {name: exporter.exported(model, batch, folder)}
    if batch == 1:
        made["AOTInductor, 8 steps unrolled"] = inductor.compiled(model, folder)
    return made


def take_turns(
    runs: dict[str, Run], batch: int, repeats: int
) -> list[tuple[str, int, float, float, float]]:
    """Name, batch, and median, fastest and slowest microseconds a step and sequence."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
        run()
    for _ in range(repeats):
        for name, run in runs.items():
            run()  # the one before has filled the caches with its own
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    scale = 1e6 / STEPS / batch
    return [
        (name, batch, statistics.median(s) * scale, min(s) * scale, max(s) * scale)
        for name, s in seconds.items()
    ]


def eager(model: NTM, x: np.ndarray) -> Run:
    """The PyTorch model, step by step."""
    sequence = torch.from_numpy(x)

    def run() -> object:
        with torch.inference_mode():
            return model.unroll(sequence)

    return run


def walk(engine: Engine, x: np.ndarray) -> Run:
    """An engine in the chunks that it likes."""
    start = {
        name: value.repeat(x.shape[1], axis=0) for name, value in engine.initial_state(128).items()
    }

    def run() -> object:
        position, state = 0, start
        while position < len(x):
            steps = engine.longest("predict", len(x) - position)
            _, state = engine.run("predict", x[position : position + steps], state)
            position += steps
        return state

    return run


def describe(repeats: int, nodes: float) -> list[str]:
    """What was measured, where and when."""
    return [
        f"`python benchmarks/engine.py`, {datetime.now(UTC):%Y-%m-%d}: {results.processor()}, "
        f"one thread, torch {torch.__version__}, onnxruntime {version('onnxruntime')}; "
        f"{STEPS} steps, {repeats} turns each, microseconds a step and sequence (median, fastest, "
        f"slowest). The exported graph has {nodes:g} nodes a step. TorchScript and native "
        f"run one row after the other. The limit is counted: "
        f"{limit.HOW}",
    ]


def lines(rows: list[tuple[str, int, float, float, float]]) -> list[str]:
    """The measurements as Markdown."""
    base = {batch: median for name, batch, median, *_ in rows if name == "eager"}
    cells = [
        [name, str(batch), *(f"{us:.1f}" for us in spread), f"{base[batch] / spread[0]:.1f}"]
        for name, batch, *spread in rows
    ]
    header = ["engine", "batch", "median", "fastest", "slowest", "eager / this"]
    return results.table(header, cells)


if __name__ == "__main__":
    main()
