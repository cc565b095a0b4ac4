"""How a step grows with the steps before it: python benchmarks/context.py

A Transformer keeps every step and looks through all of them; a Neural Turing Machine has one memory
of fixed size. Of models/transformer-copy-feedback and models/copy: bytes of state after so many
steps, and the time of a step then, both in turns on ONNX Runtime, one sequence, one thread.
"""

import argparse
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import results

from ntm.architectures import catalogue
from ntm.repository.folders import find
from service.engines import Engine, open_engine

HEADING = "## Context"
MODELS = Path(__file__).parents[1] / "models"
ATTENTION, MACHINE = "transformer-copy-feedback", "copy"
STEPS = [64 * 2**n for n in range(6)]
CHUNK = 16  # steps that are timed, the last ones of so many
RUNS = 5  # of a chunk in one turn, of which the fastest counts


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="turns of everything")
    parser.add_argument("--no-write", action="store_true", help="leave the results as they are")
    told = parser.parse_args()
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": results.processor(),
        "repeats": told.repeats,
        "points": measure(told.repeats),
    }
    section = "\n".join([HEADING, "", *report(found)])
    print(section)
    if not told.no_write:
        results.keep("context", found)
        results.write(HEADING, section)


def measure(repeats: int) -> list[dict[str, Any]]:
    """State and time after every number of steps, the models taking turns."""
    versions = {name: find(MODELS / name) for name in (ATTENTION, MACHINE)}
    signatures = {
        name: catalogue.signature_of(version.description().config)
        for name, version in versions.items()
    }
    engines = {name: open_engine(version, "onnx", "cpu", 1) for name, version in versions.items()}
    points = []
    for steps in STEPS:
        slots = {ATTENTION: steps, MACHINE: signatures[MACHINE].memory_slots}
        spent: dict[str, list[float]] = {name: [] for name in engines}
        for turn in range(repeats + 1):
            for name, engine in engines.items():
                took = timed(engine, steps, slots[name])
                if turn:  # the first one warms up
                    spent[name].append(took)
        points.append(
            {
                "steps": steps,
                "bytes": {n: signatures[n].state_bytes(slots[n]) for n in engines},
                "microseconds": {n: [1e6 * s / CHUNK for s in all_] for n, all_ in spent.items()},
            }
        )
    return points


def timed(engine: Engine, steps: int, slots: int) -> float:
    """Seconds of the last steps of so many: the fastest of some runs."""
    state = {name: value.copy() for name, value in engine.initial_state(slots).items()}
    if "position" in state:  # as if the steps before had been walked; what they hold costs nothing
        state["position"][:] = steps - CHUNK
        state["used"][:, : steps - CHUNK] = 1
    x = np.random.default_rng(0).integers(0, 2, (CHUNK, 1, 10)).astype(np.float32)
    best = float("inf")
    for _ in range(RUNS):
        started = time.perf_counter()
        engine.run("predict", x, state)
        best = min(best, time.perf_counter() - started)
    return best


def report(found: dict[str, Any]) -> list[str]:
    """All of it as Markdown."""
    rows = []
    for point in found["points"]:
        times = point["microseconds"]
        ratios = [a / b for a, b in zip(times[ATTENTION], times[MACHINE], strict=True)]
        rows.append(
            [
                f"{point['steps']:,}",
                *(f"{point['bytes'][name]:,}" for name in (ATTENTION, MACHINE)),
                *(f"{statistics.median(times[name]):.0f}" for name in (ATTENTION, MACHINE)),
                f"{statistics.median(ratios):.1f}",
            ]
        )
    return [
        f"`python benchmarks/context.py`, {found['date']}: {found['processor']}, one thread, ONNX "
        f"Runtime, {found['repeats']} turns, medians. {ATTENTION} has a slot for every step, "
        f"{MACHINE} has 128 slots at any length. A copy of more than 120 vectors needs more of "
        f"them, one for each vector: half as many as the Transformer's, and 20 numbers each. The "
        f"ratio is of both in one turn, as what else runs on the machine slows both.",
        "",
        *results.table(
            ["steps", "bytes, attention", "bytes, machine", "µs a step, attention",
             "µs a step, machine", "ratio of a turn"],
            rows,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
