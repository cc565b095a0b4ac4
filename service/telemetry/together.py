"""The metrics of several processes as one: prometheus-client's files, which all of them write.

The supervisor names a folder before it starts the workers, where prometheus-client then keeps every
counter in a file of its process. What a process counted stays counted when it ends.
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
    """Have the processes that are started meanwhile count together."""
    with TemporaryDirectory(prefix="ntm-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def are_shared() -> bool:
    """Whether this process counts together with others."""
    return FOLDER in os.environ


def text_of_all() -> bytes:
    """The metrics of all processes in Prometheus' text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_process(process: int) -> None:
    """Drop what only a running process has, such as a queue; what it counted stays."""
    mark_process_dead(process)  # type: ignore[no-untyped-call]
