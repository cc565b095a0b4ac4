"""Metrics of replicas, as Ray metrics: Prometheus scrapes them together with Ray's own."""

from ray.util.metrics import Counter, Gauge

from service.models.served import LoadedModel
from service.scheduling.events import Chunk, Event

LABELS = ("model", "version")


class Counters:
    """Of one replica; Ray adds which one it is."""

    def __init__(self) -> None:
        self._steps = Counter("ntm_steps_total", "Steps computed for a sequence", LABELS)
        self._seconds = Counter("ntm_engine_seconds_total", "Time spent in the engine", LABELS)
        self._chunks = Counter("ntm_chunks_total", "Chunks computed", LABELS)
        self._rows = Counter("ntm_rows_total", "Sequences in these chunks", LABELS)
        self._queued = Gauge("ntm_queued_steps", "Steps admitted and not yet computed", LABELS)

    def observed(self, model: LoadedModel, event: Event) -> None:
        """Count one run of the engine."""
        labels = {"model": model.name, "version": str(model.version)}
        self._queued.set(model.scheduler.queued_steps, labels)
        if isinstance(event, Chunk):
            self._seconds.inc(event.seconds, labels)
            self._chunks.inc(1, labels)
            self._rows.inc(event.rows, labels)
            if event.useful:
                self._steps.inc(event.useful, labels)
