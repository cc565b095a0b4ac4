"""What every model version has done: the statistics extension of Open Inference v2, and /metrics.

A sequence counts as one inference on every route; a batch of three counts as three.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from service.models.repository_scan import Key
from service.models.served import LoadedModel
from service.scheduling.events import Chunk, Event, Outcome
from service.telemetry.histogram import Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


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


@dataclass(slots=True)
class Record:
    """The statistics of one model version."""

    last_inference: int = 0  # milliseconds since the epoch
    steps: int = 0  # computed that a sequence needed
    wasted: int = 0  # computed beyond the end of a sequence
    engine_seconds: float = 0.0
    rows: Histogram = field(default_factory=partial(Histogram, ROWS))  # of chunks
    batches: dict[int, Duration] = field(default_factory=lambda: defaultdict(Duration))
    ended: dict[Outcome, int] = field(default_factory=lambda: defaultdict(int))
    # of the sequences that ended well: from admission to the first step, and from there to the last
    queued: Histogram = field(default_factory=partial(Histogram, SECONDS))
    computed: Histogram = field(default_factory=partial(Histogram, SECONDS))
    fail: Duration = field(default_factory=Duration)


class Statistics:
    """The records of all model versions. Engines' threads and the event loop both write here."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._clock, self._lock = clock, threading.Lock()
        self._records: dict[Key, Record] = defaultdict(Record)

    def observed(self, model: LoadedModel, event: Event) -> None:
        """Count one run of an engine, or one sequence that ended."""
        with self._lock:
            record = self._records[model.key]
            if isinstance(event, Chunk):
                record.steps += event.useful
                record.wasted += event.computed - event.useful
                record.engine_seconds += event.seconds
                record.rows.add(event.rows)
                record.batches[event.rows].add(event.seconds)
                return
            outcome, queued, computed = event
            record.ended[outcome] += 1
            if outcome == "ok":
                record.last_inference = round(self._clock() * 1000)
                record.queued.add(queued)
                record.computed.add(computed)
            else:
                record.fail.add(queued + computed)

    def records(self) -> dict[Key, Record]:
        """Those of all models that have been asked so far."""
        with self._lock:
            return dict(self._records)

    def of_model(self, model: LoadedModel) -> dict[str, Any]:
        """One entry of `model_stats`.

        Reading and writing bodies is no model's time, and nothing is cached: both stay 0.
        """
        with self._lock:
            record = self._records[model.key]
            count = record.ended["ok"]
            queue, compute = (
                Duration(count, record.queued.sum),
                Duration(count, record.computed.sum),
            )
            success = Duration(count, queue.seconds + compute.seconds)
            untimed, never = Duration(count).as_json(), Duration().as_json()
            return {
                "name": model.name,
                "version": str(model.version),
                "last_inference": record.last_inference,
                "inference_count": count,
                "execution_count": sum(record.rows.counts),
                "inference_stats": {
                    "success": success.as_json(),
                    "fail": record.fail.as_json(),
                    "queue": queue.as_json(),
                    "compute_input": untimed,
                    "compute_infer": compute.as_json(),
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
