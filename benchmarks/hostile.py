"""How probes and others fare while some clients do all they can to a server, and what it costs it.

    python benchmarks/hostile.py --seconds 60

At once: a client that sends 24 MB of JSON in a loop, 800 connections with half a request, 6 that
do not read answers of 390 MB, and a full queue. Beside them a probe is sent again and again, and
clients check every bit of what they get. The same against FastAPI on uvicorn as they come.
"""

import argparse
import contextlib
import functools
import http.client
import json
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

from results import processor, table, write
from server import serving

HEADING = "## Hostile clients"
WIDTH = 10  # of the model's inputs
LARGE = 24 * 10**6  # bytes
HALVES, UNREAD, LONG, GOOD = 800, 6, 12, 2  # clients of each kind
LONG_STEPS, SHORT_STEPS = 40_000, 20  # the most that one of LONG sends, and the fewest
PAUSE = 0.02  # seconds between two probes
HEAD = (
    "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n"
)

Address = tuple[str, int]


class Found(NamedTuple):
    """What one server did."""

    probes: list[float]  # seconds of each; the timeout where there was no answer
    failed: int  # of the probes
    right: int  # answers that were as they should be, bit for bit
    wrong: int
    refused: int  # answers of 503
    peak: float  # MiB
    before: float  # MiB
    without_core: float  # of the time its main thread was ready and waited for a core


def post(address: Address, body: bytes, timeout: float = 60) -> tuple[int, bytes]:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        connection.request("POST", "/predict", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def asked(steps: int, **fields: Any) -> bytes:
    """A body of bits."""
    rows = [[(step >> bit) & 1 for bit in range(WIDTH)] for step in range(steps)]
    return json.dumps({"model": "copy", "sequence": rows, "record": False, **fields}).encode()


@functools.cache
def asked_once(steps: int) -> bytes:
    """The same, made once."""
    return asked(steps)


def send_large(address: Address, stop: Event) -> None:
    """24 MB of numbers in a loop."""
    row = b"[" + b",".join([b"0.1234567890123456"] * WIDTH) + b"]"
    body = b'{"model":"copy","sequence":[%b]}' % b",".join([row] * (LARGE // len(row)))
    while not stop.is_set():
        with contextlib.suppress(OSError, http.client.HTTPException):
            post(address, body)


def send_long(address: Address, stop: Event) -> None:
    """Sequences that fill the queue to the brim: half as long after every refusal."""
    steps = LONG_STEPS
    while not stop.is_set():
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, _ = post(address, asked_once(steps))
            is_refused = status == 503
            if is_refused and steps == SHORT_STEPS:
                stop.wait(0.1)
            steps = max(SHORT_STEPS, steps // 2) if is_refused else LONG_STEPS


def send_halves(address: Address, stop: Event) -> None:
    """Half a head or half a body on every connection; a closed one is opened again."""
    sent = [b"POST /predict HTTP/1.1\r\nhost: x\r\nx-a:", f"{HEAD.format(1000)}\r\n{{".encode()]
    held: list[socket.socket] = []
    while not stop.is_set():
        held = [each for each in held if is_open(each)]
        while len(held) < HALVES and not stop.is_set():
            with contextlib.suppress(OSError):
                connection = socket.create_connection(address, timeout=5)
                connection.sendall(sent[len(held) % 2])
                held.append(connection)
        stop.wait(0.5)


def send_unread(address: Address, stop: Event) -> None:
    """Ask for 390 MB on every connection, and read nothing."""
    body = asked(1000, memory_slots=16_000, include=["read_weightings", "write_weightings"])
    held: list[socket.socket] = []
    while not stop.is_set():
        held = [each for each in held if is_open(each, read=False)]
        while len(held) < UNREAD and not stop.is_set():
            with contextlib.suppress(OSError):
                connection = socket.create_connection(address, timeout=5)
                connection.sendall(f"{HEAD.format(len(body))}\r\n".encode() + body)
                held.append(connection)
        stop.wait(0.5)


def is_open(connection: socket.socket, read: bool = True) -> bool:
    """Whether the server has not closed a connection; without reading where not to `read`."""
    connection.setblocking(False)
    try:
        return bool(connection.recv(1024, 0 if read else socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def ask_well(address: Address, stop: Event, out: Connection) -> None:
    """Ask for what is known, and compare every bit; a refusal is asked again a moment later."""
    os.setsid()
    body = asked(20)
    counts = {"right": 0, "wrong": 0, "refused": 0}
    expected = None
    while not stop.is_set():
        try:
            status, answer = post(address, body)
        except (OSError, http.client.HTTPException):
            stop.wait(0.1)
            continue
        outputs = json.loads(answer).get("outputs") if status == 200 else None
        expected = expected or outputs
        kind = "refused" if status == 503 else "right" if outputs == expected else "wrong"
        counts[kind] += 1
        stop.wait(0.5 if kind == "refused" else 0.01)
    out.send(counts)


def probe(address: Address, seconds: float, timeout: float = 10.0) -> tuple[list[float], int]:
    """Seconds of every probe over so many seconds, each over a new connection; failed ones."""
    took, failed, end = list[float](), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        connection = http.client.HTTPConnection(*address, timeout=timeout)
        try:
            connection.request("GET", "/v2/health/live")
            failed += connection.getresponse().status != 200
            took.append(time.monotonic() - began)
        except (OSError, http.client.HTTPException):
            failed += 1
            took.append(timeout)
        finally:
            connection.close()
        time.sleep(PAUSE)
    return took, failed


def attack(address: Address, stop: Event) -> None:
    """All that is hostile, from one process, which is scheduled as another machine's would be."""
    os.setsid()
    works: list[Callable[[Address, Event], None]] = [send_large, send_halves, send_unread]
    works += [send_long] * LONG
    threads = [threading.Thread(target=work, args=(address, stop)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(url: str, process: int, seconds: float) -> Found:
    """Attack a server for so many seconds."""
    host, _, port = url.removeprefix("http://").partition(":")
    address = host, int(port)
    before, stop = memory(process, "VmRSS"), multiprocessing.Event()
    waited, began = seconds_without_core(process), time.monotonic()
    children = [multiprocessing.Process(target=attack, args=(address, stop))]
    pipes = []
    for _ in range(GOOD):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        pipes.append(ours)
        children.append(multiprocessing.Process(target=ask_well, args=(address, stop, theirs)))
    for child in children:
        child.start()
    try:
        probes, failed = probe(address, seconds)
        peak = memory(process, "VmHWM")
        waited, took = seconds_without_core(process) - waited, time.monotonic() - began
        stop.set()
        counts = [pipe.recv() if pipe.poll(70) else {} for pipe in pipes]
    finally:
        stop.set()
        for child in children:
            child.kill()
            child.join()
    right, wrong, refused = (
        sum(each.get(kind, 0) for each in counts) for kind in ("right", "wrong", "refused")
    )
    return Found(probes, failed, right, wrong, refused, peak, before, waited / took)


def seconds_without_core(process: int) -> float:
    """How long a process' main thread was ready to run and others ran; Linux counts it."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return float("nan")


def memory(process: int, name: str) -> float:
    """MiB that a process has, or has had at most."""
    try:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return float("nan")
    return int(found[1]) / 1024 if found else float("nan")


@contextmanager
def plain() -> Iterator[tuple[str, int]]:
    """FastAPI on uvicorn; its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "fastapi_plain:app", "--port", str(port)]
    folder = Path(__file__).parent / "peers"
    process = subprocess.Popen([*command, "--log-level", "critical"], cwd=folder)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        process.wait()


def row(name: str, found: Found) -> list[str]:
    """One server's line of the table."""
    ordered = sorted(found.probes)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    times = (statistics.median(ordered), p99, ordered[-1])
    return [
        name,
        *(f"{1000 * seconds:.0f}" for seconds in times),
        f"{found.failed} of {len(ordered)}",
        str(found.right),
        str(found.wrong),
        str(found.refused),
        f"{found.before:.0f}",
        f"{found.peak:.0f}",
        f"{100 * found.without_core:.0f}",
    ]


def main() -> None:
    """Measure, print, and replace the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="to attack each server")
    parser.add_argument("--models", type=Path, default=Path("models"), help="the repository")
    parser.add_argument("--only", choices=["ours", "plain"], help="one of the two servers")
    parser.add_argument("--memory-bytes", type=int, default=2**30, help="NTM_MEMORY_BYTES")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    rows = []
    if options.only != "plain":
        with tempfile.TemporaryDirectory() as folder:
            settings = {"memory_bytes": options.memory_bytes}
            with serving(options.models.resolve(), Path(folder) / "ours", **settings) as ours:
                rows.append(row("ours", measure(ours.url, ours.process, options.seconds)))
    if options.only != "ours":
        with plain() as (url, process):
            rows.append(row("FastAPI on uvicorn", measure(url, process, options.seconds)))
    header = ["server", "p50 ms", "p99 ms", "max ms", "probes failed", "right", "wrong"]
    lines = table([*header, "refused", "MiB before", "MiB at most", "no core, %"], rows)
    section = [
        HEADING,
        "",
        f"`python benchmarks/hostile.py --seconds {options.seconds:g}` on {processor()}, "
        f"NTM_MEMORY_BYTES={options.memory_bytes}. At once: 24 MB of JSON in a loop, {HALVES} "
        f"connections with half a request, {UNREAD} that do not read 390 MB, {LONG} that fill the "
        f"queue with {LONG_STEPS} steps each, or what has room. Times are of `/v2/health/live`, "
        f"each over a new connection; right and wrong are answers to {GOOD} clients that compare "
        "every bit, refused those of 503. No core: how much of the time the server's main thread "
        f"was ready and waited for one of {os.cpu_count()} cores, which it shares with the clients "
        "and with whatever else runs.",
        "",
        *lines,
    ]
    print("\n".join(section))
    if not options.no_write:
        write(HEADING, "\n".join(section))


if __name__ == "__main__":
    main()
