"""How a step's time grows with each size: python benchmarks/growth.py

One sequence, one thread, both engines in turns; from the reference model (LSTM 100, memory
128 x 20, one read and one write head) one size is changed at a time.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import results
import server
import torch

from ntm import NTM
from ntm.export.write import export_onnx
from ntm.repository import checkpoint
from ntm.tasks import Copy
from service.engines import Engine, open_engine

HEADING = "## Growth"
ENGINES = ("native", "onnx")
STEPS = 64
SIZES = {
    "T": [16 * 4**n for n in range(6)],
    "N": [32 * 2**n for n in range(9)],
    "M": [8, 16, 32, 64, 128, 256],
    "heads": [2, 4, 8, 16],  # half of them read
    "controller": [50, 100, 200, 400, 800],
}
LEAST = 0.02  # seconds of one measurement, of several runs where one is shorter


@dataclass(frozen=True)
class Point:
    """One size and what it costs."""

    quantity: str
    size: int
    memory: int  # bytes of the memory matrix
    weights: int  # bytes of the parameters
    microseconds: dict[str, list[float]]  # a step, by engine


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help=f"a comma list of {', '.join(SIZES)}")
    parser.add_argument("--repeats", type=int, default=7, help="turns of everything")
    parser.add_argument("--no-write", action="store_true", help="leave the results as they are")
    told = parser.parse_args()
    torch.set_num_threads(1)
    chosen = told.only.split(",") if told.only else list(SIZES)
    with tempfile.TemporaryDirectory() as folder:
        points = [
            point
            for quantity in chosen
            for point in measure(Path(folder) / quantity, quantity, told.repeats)
        ]
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": results.processor(),
        "caches": caches(),
        "repeats": told.repeats,
        "points": [vars(point) for point in points],
    }
    section = "\n".join([HEADING, "", *report(found)])
    print(section)
    if not told.no_write:
        results.keep("growth", found)
        results.write(HEADING, section)


def measure(folder: Path, quantity: str, repeats: int) -> list[Point]:
    """All sizes of a quantity, taking turns."""
    print(f"{quantity}: {SIZES[quantity]}", flush=True)
    settled = [settle(folder / str(size), quantity, size) for size in SIZES[quantity]]
    seconds: list[dict[str, list[float]]] = [{name: [] for name in ENGINES} for _ in settled]
    for turn in range(repeats + 1):
        for (_, runs), spent in zip(settled, seconds, strict=True):
            for name, run in runs.items():
                took = timed(run)
                if turn:  # the first one warms up
                    spent[name].append(took)
    points = []
    for size, (model, _), spent in zip(SIZES[quantity], settled, seconds, strict=True):
        slots = size if quantity == "N" else model.config.N
        steps = size if quantity == "T" else STEPS
        points.append(
            Point(
                quantity,
                size,
                memory=4 * slots * model.config.M,
                weights=4 * sum(p.numel() for p in model.parameters()),
                microseconds={n: [1e6 * s / steps for s in all_] for n, all_ in spent.items()},
            )
        )
    return points


def settle(folder: Path, quantity: str, size: int) -> tuple[NTM, dict[str, Callable[[], None]]]:
    """A model of this size, and what walks a sequence on each engine."""
    sizes = {
        "M": {"M": size},
        "heads": {"num_reads": size // 2, "num_writes": size // 2},
        "controller": {"controller_size": size},
    }
    torch.manual_seed(0)
    model = NTM(input_size=10, output_size=8, **sizes.get(quantity, {})).eval()
    version = checkpoint.save(folder / "copy" / "1", model, Copy(), {})
    export_onnx(version)
    slots = size if quantity == "N" else model.config.N
    rng = np.random.default_rng(0)
    steps = size if quantity == "T" else STEPS
    x = rng.integers(0, 2, (steps, 1, 10)).astype(np.float32)
    engines = {name: open_engine(version, name, "cpu", 1, server.compiled()) for name in ENGINES}
    return model, {name: walk(engine, x, slots) for name, engine in engines.items()}


def walk(engine: Engine, x: np.ndarray, slots: int) -> Callable[[], None]:
    """A whole sequence in the chunks that the engine likes."""

    def run() -> None:
        position, state = 0, engine.initial_state(slots)
        while position < len(x):
            steps = engine.longest("predict", len(x) - position)
            _, state = engine.run("predict", x[position : position + steps], state)
            position += steps

    return run


def timed(run: Callable[[], None]) -> float:
    """Seconds of one run."""
    run()
    runs, started = 0, time.perf_counter()
    while time.perf_counter() - started < LEAST:
        run()
        runs += 1
    return (time.perf_counter() - started) / runs


def caches() -> dict[str, int]:
    """Bytes of this core's data caches by name, where Linux tells."""
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        told = {name: (folder / name).read_text().strip() for name in ("level", "type", "size")}
        if told["type"] != "Instruction":
            found[f"L{told['level']}"] = int(told["size"].removesuffix("K")) * 1024
    return found


def exponent(sizes: list[int], times: list[float]) -> float:
    """The slope of a straight line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def report(found: dict) -> list[str]:
    """All of it as Markdown."""
    sizes = ", ".join(f"{name} {size // 1024} KiB" for name, size in found["caches"].items())
    return [
        f"`python benchmarks/growth.py`, {found['date']}: {found['processor']} ({sizes}), one "
        f"thread, one sequence of {STEPS} steps (but for T), {found['repeats']} turns, medians. "
        f"From the reference model one size is changed at a time. An exponent of 0 is a time that "
        f"does not change, of 1 one that grows as the size does. T is the time of the whole "
        f"sequence, the others that of a step.",
        "",
        *results.table(
            [
                "size",
                "from, to",
                *(f"{e}, {part}" for e in ENGINES for part in ("all", "upper half")),
            ],
            list(exponents(found)),
        ),
        "",
        "Every size, µs a step; in brackets the exponent since the size before. `holds` is the "
        "smallest cache that holds the memory matrix and the parameters.",
        "",
        *results.table(
            ["size", "value", "memory KiB", "parameters KiB", "holds", *ENGINES],
            list(every_size(found)),
        ),
    ]


def series(found: dict) -> Iterator[tuple[str, list[dict], dict[str, list[float]]]]:
    """For each quantity its points, and by engine the median microseconds a step."""
    for quantity in SIZES:
        points = [point for point in found["points"] if point["quantity"] == quantity]
        if points:
            yield (
                quantity,
                points,
                {e: [statistics.median(p["microseconds"][e]) for p in points] for e in ENGINES},
            )


def exponents(found: dict) -> Iterator[list[str]]:
    """A row for each quantity."""
    for quantity, points, medians in series(found):
        sizes = [point["size"] for point in points]
        cells = [quantity, f"{sizes[0]}, {sizes[-1]}"]
        for engine in ENGINES:
            times = medians[engine]
            if quantity == "T":
                times = [size * time for size, time in zip(sizes, times, strict=True)]
            half = len(sizes) // 2
            cells += [
                f"{exponent(s, t):.2f}" for s, t in ((sizes, times), (sizes[half:], times[half:]))
            ]
        yield cells


def every_size(found: dict) -> Iterator[list[str]]:
    """A row for each point."""
    for quantity, points, medians in series(found):
        for n, point in enumerate(points):
            data = point["memory"] + point["weights"]
            holds = next((name for name, size in found["caches"].items() if data <= size), "none")
            cells = [quantity, str(point["size"])]
            cells += [f"{point[name] / 1024:.0f}" for name in ("memory", "weights")] + [holds]
            for engine in ENGINES:
                cell = f"{medians[engine][n]:.1f}"
                if n and quantity != "T":
                    sizes = [points[n - 1]["size"], point["size"]]
                    cell += f" ({exponent(sizes, medians[engine][n - 1 : n + 1]):.2f})"
                cells.append(cell)
            yield cells


if __name__ == "__main__":
    main()
