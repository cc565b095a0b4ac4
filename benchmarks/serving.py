"""The service under load: python benchmarks/serving.py

Clients run in a process of their own on the same machine. What is compared takes turns, so that a
machine that is busy with other things slows all of it alike; compare the ratios.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import clients
import numpy as np
import orjson
import results
import server
from clients import Report
from server import Server

HEADING = "## Serving under load"
ENGINES = ("native", "onnx")  # native walks rows one by one, so that only onnx gains by batches
CLIENTS = 32
COPY_20 = 42  # steps: 20 vectors, two markers, 20 answers
MIXED = [2 * length + 2 for length in range(1, 41)]
FLOOD_STEPS = 1000
STARTS = 6  # of the service; each is some percent quicker or slower than the one before
PAIRS, PAIRED = 30, 0.5  # turns with and without traces after each start, seconds of a turn
ALONE = 2.0  # seconds in which only the long ones run
QUEUE = 100_000  # steps, for the flood: what it holds is what the last one waits for

Row = list[str]


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="turns of everything compared")
    parser.add_argument("--seconds", type=float, default=5, help="of one turn")
    parser.add_argument("--flood", type=float, default=30, help="seconds of the flood, 0 for none")
    parser.add_argument("--soak", type=int, default=0, help="requests to watch memory over")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    told = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as temporary, ProcessPoolExecutor(2, spawn) as pool:
        folder = Path(temporary)
        models = folder / "models"
        server.reference_model(models)
        bench = Bench(pool, told.repeats, told.seconds)
        rows = []
        for engine in ENGINES:
            one_row = server.serving(models, folder / f"{engine}-1", engine=engine, max_batch=1)
            running = server.serving(models, folder / engine, engine=engine)
            with running as batching, one_row as alone:
                rows += bench.throughput(engine, batching, alone)
        rows += bench.recording(lambda name: server.serving(models, folder / name))
        with server.serving(models, folder / "default") as default:
            rows += bench.latency(default)
            if told.soak:
                rows += bench.memory(default, told.soak)
        if told.flood:
            with server.serving(models, folder / "flood", max_queued_steps=QUEUE) as flooded:
                rows += bench.flood(flooded, told.flood)
    section = "\n".join([HEADING, "", describe(told), "", *lines(rows)])
    print(section)
    if not told.no_write:
        results.write(HEADING, section)


class Bench:
    """The measurements, with clients in the processes of a pool."""

    def __init__(self, pool: ProcessPoolExecutor, repeats: int, seconds: float) -> None:
        self._pool, self._repeats, self._seconds = pool, repeats, seconds

    def throughput(self, engine: str, batching: Server, alone: Server) -> list[Row]:
        """Requests a second of 32 clients, of one, and of 32 without batching."""
        rows = []
        for steps, lengths in (("42 steps", [COPY_20]), ("4 to 82 steps", MIXED)):
            name, asked = f"{engine}, {steps}", bodies(lengths)
            before = batching.counts()
            rates = self._in_turns(
                {
                    "32 clients": lambda asked=asked: self._closed(batching, asked, CLIENTS),
                    "one client": lambda asked=asked: self._closed(batching, asked, 1),
                    "32 clients, batches of one": lambda asked=asked: self._closed(
                        alone, asked, CLIENTS
                    ),
                }
            )
            spent = batching.counts().since(before)
            for what, measured in rates.items():
                rows.append([f"{name}, {what}", *spread(measured), "requests/s"])
            together, single, unbatched = (statistics.median(m) for m in rates.values())
            rows.append([f"{name}, 32 clients / one client", f"{together / single:.1f}", "", "×"])
            gain = f"{together / unbatched:.1f}"
            rows.append([f"{name}, 32 clients / no batching", gain, "", "×"])
            share = 100 * spent.wasted / (spent.steps + spent.wasted)
            rows.append([f"{name}, wasted steps", f"{share:.1f}", "", "%"])
        return rows

    def recording(self, start: Callable[[str], AbstractContextManager[Server]]) -> list[Row]:
        """What keeping traces costs 32 clients: many short pairs, for a machine's pace changes."""
        turns = list[dict[str, float]]()
        for number in range(STARTS):
            with start(f"recording-{number}") as running:
                turns += self._with_and_without(running)
        costs = [100 * (1 - pair["traces kept"] / pair["no traces kept"]) for pair in turns]
        first, _, third = statistics.quantiles(costs, n=4)
        cost = [f"{statistics.median(costs):.1f}", f"quartiles {first:.1f} to {third:.1f}", "%"]
        rates = {kept: [pair[kept] for pair in turns] for kept in turns[0]}
        with_traces, without = map(statistics.fmean, rates.values())
        together = f"{100 * (1 - with_traces / without):.1f}"
        return [
            *[[f"42 steps, {kept}", *spread(rate), "requests/s"] for kept, rate in rates.items()],
            [f"cost of a trace, {STARTS} starts, {PAIRS} pairs of {PAIRED} s each", *cost],
            ["cost of a trace, all pairs together", together, "", "%"],
        ]

    def _with_and_without(self, running: Server) -> list[dict[str, float]]:
        """Requests a second with traces and without, in pairs."""
        asked = {
            kept: bodies([COPY_20], record=kept == "traces kept")
            for kept in ("traces kept", "no traces kept")
        }
        turns = []
        for turn in range(PAIRS + 1):
            order = sorted(asked, reverse=bool(turn % 2))
            turns.append(
                {kept: self._closed(running, asked[kept], CLIENTS, PAIRED) for kept in order}
            )
        return turns[1:]  # the first is to warm up

    def latency(self, batching: Server) -> list[Row]:
        """A client with 4 steps beside eight with 2000."""
        url, seconds = batching.url, self._seconds * self._repeats
        before = batching.counts()
        long = self._start(clients.closed_loop, url, bodies([2000]), 8, seconds + ALONE)
        time.sleep(ALONE)  # the short ones' own chunks would make the mean less than one waits for
        spent = batching.counts().since(before)
        chunk = spent.engine_seconds / spent.chunks
        short = self._start(clients.closed_loop, url, bodies([4]), 1, seconds).result()
        long.result()
        what = "4 steps beside eight of 2000"
        middle, last = (1000 * short.percentile(p) for p in (0.5, 0.99))
        return [
            [f"{what}, median", f"{middle:.1f}", "", "ms"],
            [f"{what}, p99", f"{last:.1f}", "", "ms"],
            [f"{what}, a chunk of these, mean", f"{1000 * chunk:.1f}", "", "ms"],
            [f"{what}, p99 / chunk", f"{last / 1000 / chunk:.1f}", "", "×"],
        ]

    def memory(self, batching: Server, count: int) -> list[Row]:
        """Resident memory before and after many requests."""
        asked, warm = bodies(MIXED), min(5000, count)
        self._start(clients.closed_loop, batching.url, asked, CLIENTS, 1e9, warm).result()
        before = batching.resident()
        self._start(clients.closed_loop, batching.url, asked, CLIENTS, 1e9, count).result()
        return [
            [f"memory after {warm} requests", f"{before:.0f}", "", "MiB"],
            [f"memory after {count} more", f"{batching.resident():.0f}", "", "MiB"],
        ]

    def flood(self, flooded: Server, seconds: float) -> list[Row]:
        """Ten times as many steps as it can compute, then one client as if nothing had been."""
        body = bodies([FLOOD_STEPS], record=False)
        capacity = self._closed(flooded, body, CLIENTS)
        usual = self._start(clients.closed_loop, flooded.url, bodies([COPY_20]), 1, 1).result()
        flood = self._start(clients.open_loop, flooded.url, body[0], 10 * capacity, seconds)
        report = flood.result()
        after = self._start(clients.closed_loop, flooded.url, bodies([COPY_20]), 1, 1).result()
        others = report.statuses.total() - report.statuses[200] - report.statuses[503]
        wait = QUEUE / (capacity * FLOOD_STEPS)
        what = f"flood of {seconds:g} s at 10 times capacity"
        usually, later, latest = (
            f"{1000 * one.percentile(share):.1f}"
            for one, share in ((usual, 0.5), (after, 0.5), (after, 1))
        )
        sent = (report.statuses.total() + report.resets) / seconds
        return [
            [f"{what}, requests of {FLOOD_STEPS} steps sent", f"{sent:.0f}", "", "requests/s"],
            [f"{what}, capacity", f"{capacity:.0f}", "", "requests/s"],
            [f"{what}, answered 200", str(report.statuses[200]), "", ""],
            [f"{what}, answered 503", str(report.statuses[503]), "", ""],
            [f"{what}, answered otherwise", str(others), "", ""],
            [f"{what}, connections reset", str(report.resets), "", ""],
            [f"{what}, p99 of the admitted", f"{report.percentile(0.99):.1f}", "", "s"],
            [f"{what}, a full queue lasts", f"{wait:.1f}", "", "s"],
            ["42 steps, one client, before, median", usually, "", "ms"],
            ["in the second after, median", later, "", "ms"],
            ["in the second after, slowest", latest, "", "ms"],
        ]

    def _start(self, work: Callable[..., Report], *args: object) -> Future[Report]:
        return self._pool.submit(work, *args)

    def _closed(
        self, target: Server, asked: list[bytes], count: int, seconds: float | None = None
    ) -> float:
        """Requests a second of a closed loop."""
        loop, seconds = clients.closed_loop, seconds or self._seconds
        report = self._start(loop, target.url, asked, count, seconds).result()
        assert set(report.statuses) == {200}, report.statuses
        return report.rate

    def _in_turns(self, runs: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
        """What every run measured in each turn, after one to warm up."""
        for run in runs.values():
            run()
        turns = [{name: run() for name, run in runs.items()} for _ in range(self._repeats)]
        return {name: [turn[name] for turn in turns] for name in runs}


def bodies(lengths: list[int], record: bool = True) -> list[bytes]:
    """Requests of so many steps of bits, in a random order."""
    rng = np.random.default_rng(0)
    return [
        orjson.dumps(
            {
                "model": "copy",
                "sequence": rng.integers(0, 2, (length, 10)).tolist(),
                "record": record,
            }
        )
        for length in rng.permutation(lengths)
    ]


def spread(measured: list[float], digits: int = 0) -> Row:
    """The median, and what all lie between."""
    low, middle, high = min(measured), statistics.median(measured), max(measured)
    return [f"{middle:.{digits}f}", f"{low:.{digits}f} to {high:.{digits}f}"]


def describe(told: argparse.Namespace) -> str:
    """What was measured, where and when."""
    return (
        f"`python benchmarks/serving.py`, {datetime.now(UTC):%Y-%m-%d}: {results.processor()}, "
        f"{len(os.sched_getaffinity(0))} cores for clients and service, one thread an engine, "
        f"Python {platform.python_version()}, onnxruntime {version('onnxruntime')}; the copy "
        f"model of the paper (LSTM 100, memory 128 x 20), {told.repeats} turns of {told.seconds:g} "
        f"s each (median, and slowest to fastest); traces are kept unless told otherwise."
    )


def lines(rows: list[Row]) -> list[str]:
    """The measurements as Markdown."""
    return results.table(["what", "median", "spread", "unit"], rows)


if __name__ == "__main__":
    main()
