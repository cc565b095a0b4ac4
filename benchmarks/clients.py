"""Clients that put load on a server from a process of their own; nothing here knows of models.

Plain sockets and as little as possible around them, so that it is the server that is measured.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import uvloop


@dataclass
class Report:
    """What came back: by status, and how long each took."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)  # seconds, of answers with 200
    finished: list[float] = field(default_factory=list)  # when, since the start
    resets: int = 0

    @property
    def rate(self) -> float:
        """Answers with 200 a second."""
        return self.statuses[200] / self.seconds

    def percentile(self, share: float) -> float:
        """The latency, in seconds, that this share of answers stays below."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def post(body: bytes, prefix: str = "") -> bytes:
    """A whole request for POST /predict."""
    head = f"POST {prefix}/predict HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def closed_loop(
    url: str, bodies: Sequence[bytes], clients: int, seconds: float = 1e9, count: int = 10**9
) -> Report:
    """So many clients, each sending its next request when it has its answer.

    Args:
        url: of the server
        bodies: taken in turns
        clients: connections
        seconds: after which no more requests are sent
        count: of requests in all
    """
    prefix = urlsplit(url).path
    return loop_of(url, [post(body, prefix) for body in bodies], clients, seconds, count)


def loop_of(
    url: str, requests: Sequence[bytes], clients: int, seconds: float, count: int = 10**9
) -> Report:
    """The same with whole requests, as they go over the wire."""
    report = Report()

    async def main() -> None:
        asked = itertools.islice(itertools.cycle(requests), count)
        started = time.perf_counter()
        await asyncio.gather(
            *(client(url, asked, started, seconds, report) for _ in range(clients))
        )
        report.seconds = time.perf_counter() - started

    uvloop.run(main())
    return report


def open_loop(url: str, body: bytes, rate: float, seconds: float) -> Report:
    """So many requests a second, whether or not the earlier ones have been answered."""
    report = Report()

    async def main() -> None:
        request, started, tasks = post(body), time.perf_counter(), []
        idle: list[Connection] = []
        for number in range(round(rate * seconds)):
            delay = started + number / rate - time.perf_counter()
            if delay > 0:
                await asyncio.sleep(delay)
            tasks.append(asyncio.create_task(one(url, request, idle, started, report)))
        report.seconds = time.perf_counter() - started
        await asyncio.gather(*tasks)

    uvloop.run(main())
    return report


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(url: str) -> Connection:
    """A connection to a server."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def client(
    url: str, requests: Iterator[bytes], started: float, seconds: float, report: Report
) -> None:
    """One connection of a closed loop."""
    connection = await connect(url)
    for request in requests:
        await ask(connection, request, started, report)
        if time.perf_counter() - started > seconds:
            break
    connection[1].close()


async def one(
    url: str, request: bytes, idle: list[Connection], started: float, report: Report
) -> None:
    """One request of an open loop, on a connection that nobody uses."""
    try:
        connection = idle.pop() if idle else await connect(url)
        await ask(connection, request, started, report)
        idle.append(connection)
    except (ConnectionError, asyncio.IncompleteReadError):
        report.resets += 1


async def ask(connection: Connection, request: bytes, started: float, report: Report) -> None:
    """Send a request and read its answer."""
    reader, writer = connection
    sent = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    _, _, rest = head.lower().partition(b"content-length:")
    await reader.readexactly(int(rest.partition(b"\r")[0]))
    now = time.perf_counter()
    status = int(head[9:12])
    report.statuses[status] += 1
    if status == 200:
        report.latencies.append(now - sent)
        report.finished.append(now - started)
