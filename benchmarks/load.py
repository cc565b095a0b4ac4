"""Load from a process that costs little: wrk where it is installed, else clients.py."""

import json
import multiprocessing
import resource
import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import clients

SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Window:
    """What some clients saw for some seconds."""

    rate: float  # answers with 200 a second
    p50: float  # seconds
    p99: float
    failed: int  # other answers, and connections that broke
    client_cores: float  # processor time of the clients a second


def name() -> str:
    """What makes the load."""
    return "wrk" if shutil.which("wrk") else "benchmarks/clients.py"


def window(url: str, requests: list[bytes], clients: int, seconds: float) -> Window:
    """Closed loop: each client sends its next request when it has its answer.

    Args:
        url: of the server
        requests: whole requests as they go over the wire, taken in turns
        clients: connections
        seconds: how long
    """
    return (with_wrk if shutil.which("wrk") else with_python)(url, requests, clients, seconds)


def with_wrk(url: str, requests: list[bytes], clients: int, seconds: float) -> Window:
    """By one thread of wrk, which stops at whole seconds."""
    with TemporaryDirectory() as folder:
        paths = [str(Path(folder, str(number))) for number in range(len(requests))]
        for path, request in zip(paths, requests, strict=True):
            Path(path).write_bytes(request)
        until = f"{max(1, round(seconds))}s"
        command = ["wrk", "-t1", f"-c{clients}", "-d", until, "--timeout", "60s"]
        command += ["-s", str(SCRIPT), url, "--", *paths]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seen = json.loads(told.strip().rpartition("\n")[2])
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    good = seen["answers"] - seen["refused"]
    return Window(
        rate=good / seen["seconds"],
        p50=seen["p50"],
        p99=seen["p99"],
        failed=seen["refused"] + seen["broken"],
        client_cores=spent / seen["seconds"],
    )


def with_python(url: str, requests: list[bytes], clients: int, seconds: float) -> Window:
    """By clients.py in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool:
        return pool.submit(_loop, url, requests, clients, seconds).result()


def _loop(url: str, requests: list[bytes], count: int, seconds: float) -> Window:
    before = resource.getrusage(resource.RUSAGE_SELF)
    report = clients.loop_of(url, requests, count, seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Window(
        rate=report.rate,
        p50=report.percentile(0.5),
        p99=report.percentile(0.99),
        failed=report.statuses.total() - report.statuses[200],
        client_cores=spent / report.seconds,
    )
