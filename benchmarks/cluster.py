"""The service on a Ray cluster: python benchmarks/cluster.py

Nodes are processes on this machine. What is compared takes turns; compare the ratios, for clients,
Ray, Redis and engines share the same cores.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import clients
import numpy as np
import orjson
import results
import server
from nodes import Nodes, Redis
from persistence import Client, Count

HEADING = "## On a Ray cluster"
STEPS = 42  # of the paper's copy of 20 vectors
KILLS = 10
STREAMS = 4
ALLOWED = 0.7  # of what a part can do, on paper
LINE = 10e9  # bits a second of a machine's network, on paper


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="turns of everything compared")
    parser.add_argument("--seconds", type=float, default=2, help="of one turn")
    parser.add_argument("--kills", type=int, default=KILLS, help="of each kind")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    told = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as temporary, ProcessPoolExecutor(1, spawn) as pool:
        folder = Path(temporary)
        server.reference_model(folder / "models")
        redis = Redis(folder / "redis")
        nodes = Nodes(folder / "models", redis)
        try:
            one, two = nodes.serve("one", 1), nodes.serve("two", 2)
            single = server.serving(
                folder / "models", folder / "single", store=redis.url, engine="onnx"
            )
            with single as alone:
                urls = {"one process": alone.url, "1 replica": one, "2 replicas": two}
                rows = throughput(pool, urls, told.repeats, told.seconds)
            costs, per_request = measure(pool, two, nodes, redis, told.seconds)
            deaths = [
                kills("a replica", told.kills, two, lambda: nodes.kill_replica("two"), None),
                kills("a node", told.kills, two, lambda: nodes.kill_node("two"), nodes.add_node),
                kills("Redis", told.kills, two, redis.kill, redis.start),
            ]
        finally:
            nodes.close()
            redis.kill()
    section = "\n".join(
        [
            HEADING,
            "",
            describe(told),
            "",
            *results.table(["requests of 42 steps", "median", "lowest to highest", "unit"], rows),
            "",
            "`kill -9` under the load of four clients that feed sessions and ask for predictions, "
            "and try again after 0.1 s. Redis is started again after a second. Failed is a try "
            "without a 2xx answer; lost would be a request never answered, or a position, output "
            "or trace that is not what was answered; time to normal is from the kill to the last "
            "failed try.",
            "",
            *results.table(
                [
                    "killed",
                    "times",
                    "processes",
                    "answered",
                    "failed",
                    "lost",
                    "no trace",
                    "median",
                    "worst",
                ],
                deaths,
            ),
            "",
            *on_paper(costs, per_request),
        ]
    )
    print(section)
    if not told.no_write:
        results.write(HEADING, section)


def body() -> bytes:
    """A request of the paper's copy."""
    sequence = np.random.default_rng(0).integers(0, 2, (STEPS, 10)).astype(np.float32)
    return orjson.dumps({"model": "copy", "sequence": sequence.tolist()})


def throughput(
    pool: ProcessPoolExecutor, urls: dict[str, str], repeats: int, seconds: float
) -> list[list[str]]:
    """Rates and latencies of 1 and 32 clients, in turns, and what the ingress costs."""
    rates: dict[tuple[int, str], list[float]] = {}
    latencies: dict[tuple[int, str], list[float]] = {}
    for turn in range(repeats + 1):
        for number in (1, 32):
            for name, url in urls.items():
                report = pool.submit(clients.closed_loop, url, [body()], number, seconds).result()
                assert set(report.statuses) == {200}, report.statuses
                if turn:  # the first is for warming up
                    rates.setdefault((number, name), []).append(report.rate)
                    latencies.setdefault((number, name), []).append(1e3 * report.percentile(0.5))
    rows = []
    for number in (1, 32):
        told = f"{number} client{'s' if number > 1 else ''}"
        for name in urls:
            rows.append([f"{told}, {name}", *spread(rates[number, name], 0), "requests/s"])
        for name in urls:
            rows.append([f"{told}, {name}, latency", *spread(latencies[number, name], 1), "ms"])
        base = latencies[number, "one process"]
        for name in list(urls)[1:]:
            ratio = [a / b for a, b in zip(latencies[number, name], base, strict=True)]
            rows.append([f"{told}, latency, {name} / one process", *spread(ratio, 2), "×"])
        pairs = zip(rates[number, "2 replicas"], rates[number, "1 replica"], strict=True)
        rows.append([f"{told}, 2 replicas / 1 replica", *spread([a / b for a, b in pairs], 2), "×"])
    return rows


def measure(
    pool: ProcessPoolExecutor, url: str, nodes: Nodes, redis: Redis, seconds: float
) -> tuple[dict[str, float], int]:
    """Processor seconds a request by part at 32 clients, and the bytes of a request and answer."""

    def spent() -> dict[str, float]:
        told = {role: nodes.seconds(role, "two") for role in ("proxy", "ingress", "engine")}
        return {**told, "redis": redis.seconds()}

    before = spent()
    report = pool.submit(clients.closed_loop, url, [body()], 32, 4 * seconds).result()
    after = spent()
    answer = STEPS * 8 * 11 + 200  # numbers as text, and what stands around them
    costs = {name: (after[name] - before[name]) / report.statuses[200] for name in after}
    return costs, len(body()) + answer


def kills(
    name: str, times: int, url: str, kill: Callable[[], int], mend: Callable[[], None] | None
) -> list[str]:
    """A row on killing something under load."""
    count, normal, gone = Count(), [], 0
    streams = [Client(url, number, count) for number in range(STREAMS)]
    for stream in streams:
        stream.start()
    try:
        await_quiet(count, 1)
        for _ in range(times):
            killed = time.perf_counter()
            gone += kill()
            if mend is not None:
                time.sleep(1)
                mend()
            await_quiet(count, 3)
            late = [at for at in count.failed if at >= killed]
            normal.append(max(late) - killed if late else 0.0)
    finally:
        for stream in streams:
            stream.enough.set()
        for stream in streams:
            stream.join()
    told = [times, gone, count.answered, len(count.failed), count.lost, count.not_kept]
    numbers = [f"{statistics.median(normal):.1f} s", f"{max(normal):.1f} s"]
    return [name, *map(str, told), *numbers]


def await_quiet(count: Count, seconds: float) -> None:
    """Until no try has failed for so long, and answers have come."""
    began, answered = time.perf_counter(), count.answered
    while True:
        time.sleep(0.05)
        now = time.perf_counter()
        last = max([began, *count.failed[-1:]])
        if now - last > seconds and count.answered >= answered + 20:
            return


def on_paper(costs: dict[str, float], size: int) -> list[str]:
    """What 10, 100 and 1000 replicas would ask of everything else."""
    rows = []
    for replicas in (10, 100, 1000):
        rate = ALLOWED * replicas / costs["engine"]
        parts = {name: rate * costs[name] / ALLOWED for name in ("proxy", "ingress", "redis")}
        gigabits = 8 * size * 2 * rate / 1e9
        rows.append(
            [
                str(replicas),
                f"{rate:,.0f}",
                *(f"{needed:,.1f}" for needed in parts.values()),
                f"{gigabits:.2f}",
                f"{8 * size * 2 * rate / LINE / ALLOWED:.2f}",
            ]
        )
    first = {
        name: ALLOWED / costs[name] / (ALLOWED / costs["engine"])
        for name in ("proxy", "ingress", "redis")
    }
    told = ", ".join(f"{name} {1e3 * spent:.2f} ms" for name, spent in costs.items())
    limits = ", ".join(f"one {name} is full at {many:.1f} replicas" for name, many in first.items())
    header = [
        "replicas",
        "requests/s",
        "proxies",
        "ingresses",
        "Redis cores",
        "Gbit/s",
        "10G lines",
    ]
    return [
        f"On paper, from processor time a request (32 clients, 2 replicas: {told}), every part "
        f"at {ALLOWED:.0%} of its core and requests of {size} bytes both ways over two hops. "
        f"In step with them: {limits}.",
        "",
        *results.table(header, rows),
        "",
        "- **Proxies and ingresses** saturate first. Both scale out: a proxy on every node behind "
        "a load balancer (`proxy_location: EveryNode`), `ingress_replicas` as in the table. "
        "Cheaper than that: binary tensors instead of JSON, sequences in batches over `/v2`.",
        "- **Redis** computes on one core and all keys share a hash tag. Past what one core takes: "
        "`record: false` for what nobody will look at, one Redis and deployment for each group of "
        "models or keys, `appendfsync everysec` where the last second may be lost.",
        "- **The network** is last: lines of 10 Gbit/s as in the table, spread over the nodes; "
        "safetensors in place of JSON halves the bytes, gzip does for bits.",
    ]


def spread(values: list[float], digits: int) -> list[str]:
    """The median, and the extremes."""
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return [f"{statistics.median(values):.{digits}f}", f"{low} to {high}"]


def describe(told: argparse.Namespace) -> str:
    """What was measured, where."""
    import ray

    cores = len(os.sched_getaffinity(0))
    return (
        f"`python benchmarks/cluster.py`, {datetime.now(UTC):%Y-%m-%d}: {results.processor()}, "
        f"{cores} cores for clients, proxy, two ingresses, engines and Redis together, ray "
        f"{ray.__version__}, nodes as processes, engine onnx; "
        f"{told.repeats} turns of {told.seconds:g} s each. "
        f"All keep traces in the same Redis (`appendfsync always`). With {cores} cores the ceiling "
        f"is what they give all these processes: a second replica adds processes, not cores."
    )


if __name__ == "__main__":
    main()
