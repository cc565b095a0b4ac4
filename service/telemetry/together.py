"""Multiprocess metrics: prometheus-client's shared files, one set for each worker process.

The supervisor sets the folder before it starts the workers; prometheus-client then writes every
gauge to a file of its process. What a process has counted is a gauge as well, one for each number,
whose sum over the processes stays when one of them ends.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import orjson
from prometheus_client import CollectorRegistry, Gauge, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from service.telemetry.families import Key, Numbers, families

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client reads it when it is imported
COUNTED = "ntm_counted"


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


def forget_process(process: int) -> None:
    """Drop the live gauges of a process that ended, such as its queue; its counts stay."""
    mark_process_dead(process)  # type: ignore[no-untyped-call]


class Together(Collector):
    """What this process tells the others, and what all of them have counted."""

    def __init__(self) -> None:
        self._gauge = Gauge(
            COUNTED, "A number by its key", ["key"], multiprocess_mode="sum", registry=None
        )
        self._published: Numbers = {}
        self._names: dict[Key, str] = {}

    def publish(self, numbers: Numbers) -> None:
        """Write the numbers that have changed."""
        for key, number in numbers.items():
            if self._published.get(key) != number:
                self._published[key] = number
                name = self._names.setdefault(key, orjson.dumps(key).decode())
                self._gauge.labels(name).set(number)

    def all(self) -> CollectorRegistry:
        """The metrics of all processes."""
        registry = CollectorRegistry()
        registry.register(self)
        return registry

    def collect(self) -> Iterable[Metric]:
        """See prometheus-client."""
        numbers: Numbers = {}
        for metric in MultiProcessCollector(None).collect():  # type: ignore[no-untyped-call]
            if metric.name != COUNTED:
                yield metric
                continue
            for sample in metric.samples:
                numbers[tuple(orjson.loads(sample.labels["key"]))] = sample.value
        yield from families(numbers)
