"""Prometheus metrics: requests by outcome, engine time, queue length, memory in flight.

What is counted of requests and sequences is counted in plain numbers, and told when scraped; with
several workers each publishes its numbers every PAUSE seconds.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial

from prometheus_client import CollectorRegistry, Gauge, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from service.memory import KINDS, Budget
from service.models.served import LoadedModel
from service.telemetry.families import Numbers, add_histogram, families
from service.telemetry.histogram import Histogram
from service.telemetry.log_writer import dropped
from service.telemetry.statistics import SECONDS, Statistics
from service.telemetry.together import Together, are_shared

PAUSE = 0.1  # seconds between two looks at what other processes should know


class DroppedLines(Collector):
    """Lines that the log dropped; the log is one for the whole process."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        """The one counter."""
        yield CounterMetricFamily(
            "ntm_log_lines_dropped", "Lines of the log that nobody read in time", dropped()
        )


class Metrics(Collector):
    """The metrics of one application; with several workers they are those of all."""

    def __init__(self, statistics: Statistics) -> None:
        """Tell what `statistics` have of sequences, and what is counted here."""
        self._statistics = statistics
        self._requests = defaultdict[tuple[str, int, str, str], int](int)
        self._seconds = defaultdict[str, Histogram](partial(Histogram, SECONDS))  # by route
        self._watched: list[LoadedModel] = []
        self._budget: Budget | None = None
        registry = self._registry = CollectorRegistry()
        self._together = Together() if are_shared() else None
        if self._together is None:
            registry.register(DroppedLines())
            registry.register(self)
        self._queued = Gauge(
            "ntm_queued_steps",
            "Steps admitted and not yet computed",
            ["model", "version"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._engines = Gauge(
            "ntm_model_info",
            "1 for every model served, with the engine and device it runs on",
            ["model", "version", "engine", "device"],
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._held = Gauge(
            "ntm_held",
            "Traces and sessions kept",
            ["kind"],
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._held_bytes = Gauge(
            "ntm_held_bytes",
            "Bytes of the traces and sessions kept",
            ["kind"],
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._damaged = Gauge(
            "ntm_damaged_records",
            "Records of the store met since the start that nobody can read",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._in_flight = Gauge(
            "ntm_bytes_in_flight",
            "Bytes of bodies, interventions, states and answers that are in memory",
            ["of"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._limit = Gauge(
            "ntm_bytes_in_flight_limit",
            "Bytes that may be in memory of all of them together",
            multiprocess_mode="livesum",
            registry=registry,
        )

    def watch_memory(self, budget: Budget) -> None:
        """Tell the bytes in flight."""
        self._limit.set(budget.limit)
        self._budget = budget

    def watch(self, models: Iterable[LoadedModel]) -> None:
        """Add the gauges of these models."""
        for model in models:
            self._engines.labels(*labels_of(model), *engine_of(model)).set(1)
            self._watched.append(model)

    def forget(self, model: LoadedModel) -> None:
        """Drop the gauges of a model that is not served any more; its counters stay."""
        self._watched.remove(model)
        if self._together is not None:  # labels cannot be removed from shared files
            self._engines.labels(*labels_of(model), *engine_of(model)).set(0)
            self._queued.labels(*labels_of(model)).set(0)
        else:
            self._engines.remove(*labels_of(model), *engine_of(model))
            self._queued.remove(*labels_of(model))

    def answered(self, route: str, status: int, code: str, model: str, seconds: float) -> None:
        """Count one request."""
        self._requests[route, status, code, model] += 1
        self._seconds[route].add(seconds)

    def holds(self, kind: str, count: int, size: int) -> None:
        """Set the number of stored traces or sessions, and their bytes."""
        self._held.labels(kind).set(count)
        self._held_bytes.labels(kind).set(size)

    def damaged(self, count: int) -> None:
        """Set how many records could not be read."""
        self._damaged.set(count)

    def numbers(self) -> Numbers:
        """What this process has counted."""
        numbers: Numbers = {}
        for (route, status, *rest), count in self._requests.items():
            numbers["ntm_requests", route, str(status), *rest] = count
        for route, seconds in self._seconds.items():
            add_histogram(numbers, "ntm_request_seconds", (route,), seconds)
        for (name, version), record in self._statistics.records().items():
            labels = (name, str(version))
            numbers["ntm_steps", *labels] = record.steps
            numbers["ntm_wasted_steps", *labels] = record.wasted
            numbers["ntm_engine_seconds", *labels] = record.engine_seconds
            for outcome, count in record.ended.items():
                numbers["ntm_sequences", *labels, outcome] = count
            add_histogram(numbers, "ntm_batch_rows", labels, record.rows)
            add_histogram(numbers, "ntm_queue_seconds", labels, record.queued)
            add_histogram(numbers, "ntm_compute_seconds", labels, record.computed)
        return numbers

    def collect(self) -> Iterable[Metric]:
        """See prometheus-client, which asks for what one process has counted."""
        return families(self.numbers())

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        self._look()
        return generate_latest(self._registry if self._together is None else self._together.all())

    @asynccontextmanager
    async def published(self) -> AsyncIterator[None]:
        """Let the other workers know of these metrics for as long as this process serves."""
        if self._together is None:
            yield
            return
        publishing = asyncio.create_task(self._publish())
        try:
            yield
        finally:
            publishing.cancel()
            self._look()

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            self._look()

    def _look(self) -> None:
        """Set the gauges to what is there now; and tell the others, if there are any."""
        for model in self._watched:
            self._queued.labels(*labels_of(model)).set(model.scheduler.queued_steps)
        if self._budget is not None:
            for kind in KINDS:
                self._in_flight.labels(kind).set(self._budget.taken(kind))
        if self._together is not None:
            self._together.publish(self.numbers())


def labels_of(model: LoadedModel) -> tuple[str, str]:
    """A model's labels."""
    return model.name, str(model.version)


def engine_of(model: LoadedModel) -> tuple[str, str]:
    """The labels that say what it runs on."""
    return model.engine.name, model.engine.device
