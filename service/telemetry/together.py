"""Multiprocess metrics: prometheus-client's shared files, one set for each worker process.

The supervisor sets the folder before it starts the workers; prometheus-client then writes every
counter to a file of its process. The counts of a process stay when it ends.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client reads it when it is imported


@contextmanager
def shared_metrics() -> Iterator[None]:
    """Let the processes started inside this context share their metrics."""
    with TemporaryDirectory(prefix="ntm-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def are_shared() -> bool:
    """Whether this process shares its metrics with others."""
    return FOLDER in os.environ


def text_of_all() -> bytes:
    """The metrics of all processes in Prometheus' text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_process(process: int) -> None:
    """Drop the live gauges of a process that ended, such as its queue; its counters stay."""
    mark_process_dead(process)  # type: ignore[no-untyped-call]
