"""Inference statistics of every model version: the statistics extension of Open Inference v2.

A sequence counts as one inference on every route; a batch of three counts as three.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from service.models.served import LoadedModel
from service.scheduling.events import Chunk, Ended, Event


@dataclass
class Duration:
    """A count of events and their total time."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one more event."""
        self.count += 1
        self.seconds += seconds

    def as_json(self) -> dict[str, int]:
        """The duration as the protocol writes it."""
        return {"count": self.count, "ns": round(self.seconds * 1e9)}


@dataclass
class Record:
    """The statistics of one model version."""

    last_inference: int = 0  # milliseconds since the epoch
    executions: int = 0
    success: Duration = field(default_factory=Duration)
    fail: Duration = field(default_factory=Duration)
    queue: Duration = field(default_factory=Duration)
    compute: Duration = field(default_factory=Duration)
    batches: dict[int, Duration] = field(default_factory=lambda: defaultdict(Duration))


class Statistics:
    """The records of all model versions. Engines' threads and the event loop both write here."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._clock, self._lock = clock, threading.Lock()
        self._records: dict[tuple[str, int], Record] = defaultdict(Record)

    def observed(self, model: LoadedModel, event: Event) -> None:
        """Count one run of an engine, or one sequence that ended."""
        with self._lock:
            record = self._records[model.name, model.version]
            match event:
                case Chunk():
                    record.executions += 1
                    record.batches[event.rows].add(event.seconds)
                case Ended(outcome="ok"):
                    record.last_inference = round(self._clock() * 1000)
                    record.success.add(event.queued + event.computed)
                    record.queue.add(event.queued)
                    record.compute.add(event.computed)
                case Ended():
                    record.fail.add(event.queued + event.computed)

    def of_model(self, model: LoadedModel) -> dict[str, Any]:
        """One entry of `model_stats`.

        Reading and writing bodies is no model's time, and nothing is cached: both stay 0.
        """
        with self._lock:
            record = self._records[model.name, model.version]
            untimed, never = Duration(record.success.count).as_json(), Duration().as_json()
            return {
                "name": model.name,
                "version": str(model.version),
                "last_inference": record.last_inference,
                "inference_count": record.success.count,
                "execution_count": record.executions,
                "inference_stats": {
                    "success": record.success.as_json(),
                    "fail": record.fail.as_json(),
                    "queue": record.queue.as_json(),
                    "compute_input": untimed,
                    "compute_infer": record.compute.as_json(),
                    "compute_output": untimed,
                    "cache_hit": never,
                    "cache_miss": never,
                },
                "batch_stats": [
                    {
                        "batch_size": rows,
                        "compute_input": Duration(spent.count).as_json(),
                        "compute_infer": spent.as_json(),
                        "compute_output": Duration(spent.count).as_json(),
                    }
                    for rows, spent in sorted(record.batches.items())
                ],
            }
