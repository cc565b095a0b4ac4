"""Prometheus metrics: requests by outcome, engine time, queue length, memory in flight."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from service.memory import KINDS, Budget
from service.models.served import LoadedModel
from service.scheduling.events import Chunk, Ended, Event
from service.telemetry.log_writer import dropped
from service.telemetry.together import are_shared, text_of_all

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


@lru_cache(maxsize=4096)
def child(metric: Any, *labels: str) -> Any:
    """A metric with its labels, cached: looking it up takes longer than counting with it."""
    return metric.labels(*labels)


class DroppedLines(Collector):
    """Lines that the log dropped; the log is one for the whole process."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        """The one counter."""
        yield CounterMetricFamily(
            "ntm_log_lines_dropped", "Lines of the log that nobody read in time", dropped()
        )


class Metrics:
    """The counters of one application; with several workers they are those of all."""

    def __init__(self) -> None:
        self._registry, self._are_shared = CollectorRegistry(), are_shared()
        self._shared_queue: dict[tuple[str, str], int] = {}  # queued steps last written, by model
        self._registry.register(DroppedLines())
        self._requests = Counter(
            "ntm_requests_total",
            "Requests by route, status, error code and the model they reached",
            ["route", "status", "code", "model"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "ntm_request_seconds",
            "Time from the request's first byte to the answer's",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._steps = Counter(
            "ntm_steps_total",
            "Steps computed that a sequence needed",
            ["model", "version"],
            registry=self._registry,
        )
        self._engine_seconds = Counter(
            "ntm_engine_seconds_total",
            "Time spent in the engine",
            ["model", "version"],
            registry=self._registry,
        )
        self._rows = Histogram(
            "ntm_batch_rows",
            "Sequences computed together in one chunk",
            ["model", "version"],
            buckets=ROWS,
            registry=self._registry,
        )
        self._wasted = Counter(
            "ntm_wasted_steps_total",
            "Steps computed beyond the end of a sequence, for the sake of its neighbours",
            ["model", "version"],
            registry=self._registry,
        )
        self._ended = Counter(
            "ntm_sequences_total",
            "Sequences by outcome: ok, rejected, cancelled, timed_out, failed",
            ["model", "version", "outcome"],
            registry=self._registry,
        )
        self._waits = Histogram(
            "ntm_queue_seconds",
            "Time from admission to the first step",
            ["model", "version"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._walks = Histogram(
            "ntm_compute_seconds",
            "Time from a sequence's first step to its last, in turns with others",
            ["model", "version"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._queued = Gauge(
            "ntm_queued_steps",
            "Steps admitted and not yet computed",
            ["model", "version"],
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._engines = Gauge(
            "ntm_model_info",
            "1 for every model served, with the engine and device it runs on",
            ["model", "version", "engine", "device"],
            multiprocess_mode="livemax",
            registry=self._registry,
        )

        self._held = Gauge(
            "ntm_held",
            "Traces and sessions kept",
            ["kind"],
            multiprocess_mode="livemostrecent",
            registry=self._registry,
        )
        self._held_bytes = Gauge(
            "ntm_held_bytes",
            "Bytes of the traces and sessions kept",
            ["kind"],
            multiprocess_mode="livemostrecent",
            registry=self._registry,
        )

        self._damaged = Gauge(
            "ntm_damaged_records",
            "Records of the store met since the start that nobody can read",
            multiprocess_mode="livesum",
            registry=self._registry,
        )

        self._budget: Budget | None = None
        self._in_flight = Gauge(
            "ntm_bytes_in_flight",
            "Bytes of bodies, interventions, states and answers that are in memory",
            ["of"],
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._limit = Gauge(
            "ntm_bytes_in_flight_limit",
            "Bytes that may be in memory of all of them together",
            multiprocess_mode="livesum",
            registry=self._registry,
        )

    def watch_memory(self, budget: Budget) -> None:
        """Publish the bytes in flight: when scraped; of several processes after every request."""
        self._limit.set(budget.limit)
        self._budget = budget

    def _set_memory(self) -> None:
        if self._budget is not None:
            for kind in KINDS:
                child(self._in_flight, kind).set(self._budget.taken(kind))

    def forget(self, model: LoadedModel) -> None:
        """Drop the gauges of a model that is not served any more; its counters stay."""
        labels = (model.name, str(model.version))
        info = (*labels, model.engine.name, model.engine.device)
        if self._are_shared:  # prometheus-client cannot remove labels from shared files
            self._engines.labels(*info).set(0)
            self._queued.labels(*labels).set(0)
        else:
            self._engines.remove(*info)
            self._queued.remove(*labels)

    def watch(self, models: Iterable[LoadedModel]) -> None:
        """Add the gauges of these models; their queues are read when scraped."""
        for model in models:
            labels = (model.name, str(model.version))
            self._engines.labels(*labels, model.engine.name, model.engine.device).set(1)
            queue = model.scheduler
            if not self._are_shared:
                self._queued.labels(*labels).set_function(lambda queue=queue: queue.queued_steps)  # type: ignore[misc]

    def answered(self, route: str, status: int, code: str, model: str, seconds: float) -> None:
        """Count one request."""
        if self._are_shared:
            self._set_memory()
        child(self._requests, route, str(status), code, model).inc()
        child(self._seconds, route).observe(seconds)

    def observed(self, model: LoadedModel, event: Event) -> None:
        """Count one run of an engine, or one sequence that ended."""
        labels = (model.name, str(model.version))
        if self._are_shared:  # another process may be scraped, which cannot read this queue
            self._set_queue(labels, model.scheduler.queued_steps)
        match event:
            case Chunk():
                child(self._steps, *labels).inc(event.useful)
                child(self._wasted, *labels).inc(event.computed - event.useful)
                child(self._engine_seconds, *labels).inc(event.seconds)
                child(self._rows, *labels).observe(event.rows)
            case Ended():
                child(self._ended, *labels, event.outcome).inc()
                if event.outcome == "ok":
                    child(self._waits, *labels).observe(event.queued)
                    child(self._walks, *labels).observe(event.computed)

    def _set_queue(self, labels: tuple[str, str], steps: int) -> None:
        """Write the number of queued steps where it has changed."""
        if self._shared_queue.get(labels) != steps:
            self._shared_queue[labels] = steps
            child(self._queued, *labels).set(steps)

    def holds(self, kind: str, count: int, size: int) -> None:
        """Set the number of stored traces or sessions, and their bytes."""
        self._held.labels(kind).set(count)
        self._held_bytes.labels(kind).set(size)

    def damaged(self, count: int) -> None:
        """Set how many records could not be read."""
        self._damaged.set(count)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        self._set_memory()
        return text_of_all() if self._are_shared else generate_latest(self._registry)
