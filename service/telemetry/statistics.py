"""What every model version has done since the start, as the statistics extension of v2 tells it.

A sequence counts as one inference, whichever route it came by; a batch of three as three.
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
    """How often something happened, and how long it took in all."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """One more time."""
        self.count += 1
        self.seconds += seconds

    def told(self) -> dict[str, int]:
        """As the protocol tells it."""
        return {"count": self.count, "ns": round(self.seconds * 1e9)}


@dataclass
class Record:
    """One model version."""

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

    def told(self, model: LoadedModel) -> dict[str, Any]:
        """One entry of `model_stats`.

        Reading and writing bodies is no model's time, and nothing is cached: both stay 0.
        """
        with self._lock:
            record = self._records[model.name, model.version]
            untimed, never = Duration(record.success.count).told(), Duration().told()
            return {
                "name": model.name,
                "version": str(model.version),
                "last_inference": record.last_inference,
                "inference_count": record.success.count,
                "execution_count": record.executions,
                "inference_stats": {
                    "success": record.success.told(),
                    "fail": record.fail.told(),
                    "queue": record.queue.told(),
                    "compute_input": untimed,
                    "compute_infer": record.compute.told(),
                    "compute_output": untimed,
                    "cache_hit": never,
                    "cache_miss": never,
                },
                "batch_stats": [
                    {
                        "batch_size": rows,
                        "compute_input": Duration(spent.count).told(),
                        "compute_infer": spent.told(),
                        "compute_output": Duration(spent.count).told(),
                    }
                    for rows, spent in sorted(record.batches.items())
                ],
            }
