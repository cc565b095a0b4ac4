"""What every model version has done since the start, as the statistics extension of v2 tells it."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from service.models import LoadedModel
from service.scheduler import Chunk


@dataclass
class Duration:
    """How often something happened, and how long it took in all."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float, count: int = 1) -> None:
        self.count += count
        self.seconds += seconds

    def told(self) -> dict[str, int]:
        """As the protocol tells it."""
        return {"count": self.count, "ns": round(self.seconds * 1e9)}


@dataclass
class Timing:
    """One request while it is answered; the route fills in what it knows, in seconds."""

    sequences: int = 1
    read: float = 0.0  # making arrays of the body
    walked: float = 0.0  # from the scheduler's queue to the end of the last sequence
    engine: float = 0.0  # of these, in the engine
    encoded: float = 0.0


@dataclass
class Record:
    """One model version."""

    last_inference: int = 0  # milliseconds since the epoch
    sequences: int = 0
    executions: int = 0
    stages: dict[str, Duration] = field(default_factory=lambda: defaultdict(Duration))
    batches: dict[int, Duration] = field(default_factory=lambda: defaultdict(Duration))


class Statistics:
    """The records of all model versions. Engines' threads and the event loop both write here."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._clock, self._lock = clock, threading.Lock()
        self._records: dict[tuple[str, int], Record] = defaultdict(Record)

    @contextmanager
    def request(self, model: LoadedModel) -> Iterator[Timing]:
        """Count what happens inside as one request; an error that leaves it is a failure."""
        timing, started = Timing(), time.perf_counter()
        try:
            yield timing
        except BaseException:
            with self._lock:
                stages = self._record(model).stages
                stages["fail"].add(time.perf_counter() - started)
            raise
        with self._lock:
            record = self._record(model)
            record.last_inference = round(self._clock() * 1000)
            record.sequences += timing.sequences
            record.stages["success"].add(time.perf_counter() - started)
            record.stages["queue"].add(max(0.0, timing.walked - timing.engine))
            record.stages["compute_input"].add(timing.read)
            record.stages["compute_infer"].add(timing.engine)
            record.stages["compute_output"].add(timing.encoded)

    def computed(self, model: LoadedModel, chunk: Chunk) -> None:
        """Count one run of an engine."""
        with self._lock:
            record = self._record(model)
            record.executions += 1
            record.batches[chunk.rows].add(chunk.seconds)

    def told(self, model: LoadedModel) -> dict[str, Any]:
        """One entry of `model_stats`; nothing is cached here, so nothing hits or misses."""
        with self._lock:
            record = self._record(model)
            stages = ("success", "fail", "queue", "compute_input", "compute_infer")
            return {
                "name": model.name,
                "version": str(model.version),
                "last_inference": record.last_inference,
                "inference_count": record.sequences,
                "execution_count": record.executions,
                "inference_stats": {
                    stage: record.stages[stage].told()
                    for stage in (*stages, "compute_output", "cache_hit", "cache_miss")
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

    def _record(self, model: LoadedModel) -> Record:
        return self._records[model.name, model.version]
