"""Write-behind of traces, batched: those of requests that end together are stored together.

The scheduler calls the writer's hook before anybody has the answer: to wait once more, each request
for its own trace, takes as long as all else that a trace costs.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from service.contract.checks import Prediction
from service.errors import StoreUnavailable
from service.http.keys import owner
from service.ids import together
from service.models.served import LoadedModel
from service.records.trace import Trace, record
from service.scheduling.walk import Walked
from service.store import Traces


class Recording:
    """The trace of one request, and whether it is stored."""

    def __init__(
        self,
        writer: "TraceWriter",
        model: LoadedModel,
        prediction: Prediction,
        interventions: Sequence[Any],
    ) -> None:
        """To be made where the request is answered, whose owner is the trace's."""
        self.owner = owner.get()
        self._writer, self._model = writer, model
        self._prediction, self._interventions = prediction, interventions
        self._trace: Trace | None = None
        self._failure: StoreUnavailable | None = None
        self._stored = False

    def trace_of(self, walked: Walked, now: float, trace_id: str | None = None) -> Trace:
        """The trace, made from the result when it is first asked for."""
        if self._trace is None:
            sequence, target, slots, _ = self._prediction
            outputs, edits = walked.outputs, self._interventions
            self._trace = record(
                self._model, sequence, target, slots, outputs, now, edits, trace_id
            )
        return self._trace

    def settle(self, stored: bool, failure: StoreUnavailable | None = None) -> None:
        """Note that the trace is stored, or that it cannot be."""
        self._stored, self._failure = stored, failure

    @property
    def is_settled(self) -> bool:
        """Whether the trace is stored, or cannot be."""
        return self._stored or self._failure is not None

    def settled_id(self) -> str:
        """The id of the trace, once it is settled.

        Raises:
            StoreUnavailable: it was not stored
        """
        if self._failure is not None:
            raise self._failure
        assert self._trace is not None
        return self._trace.trace_id

    async def trace_id(self, walked: Walked) -> str:
        """The id of the trace; when this returns it survives a kill.

        Raises:
            StoreUnavailable: it was not stored
        """
        if not self.is_settled:
            await self._writer.store(self, walked)
        return self.settled_id()


class TraceWriter:
    """Stores the traces of one application's requests."""

    def __init__(self, traces: Traces, clock: Callable[[], float]) -> None:
        """Write to a store, with the time of a clock in seconds."""
        self._traces, self._clock = traces, clock

    def store_batch(self, ended: Sequence[tuple[Recording, Walked]]) -> None:
        """Store the traces of one model that ended together; see `Terms.batch_end`.

        Those that cannot be stored without a wait are left to `store`.
        """
        now = self._clock()
        by_owner: dict[str, list[tuple[Recording, Walked]]] = defaultdict(list)
        for recording, walked in ended:
            by_owner[recording.owner].append((recording, walked))
        for whose, batch in by_owner.items():
            self._store_batch_of(whose, batch, now)

    def _store_batch_of(
        self, owner: str, batch: Sequence[tuple[Recording, Walked]], now: float
    ) -> None:
        names = together(len(batch))
        traces = [
            recording.trace_of(walked, now, name)
            for (recording, walked), name in zip(batch, names, strict=True)
        ]
        stored, failure = False, None
        try:
            stored = self._traces.put_at_once(traces, owner)
        except StoreUnavailable as error:
            failure = error
        for recording, _ in batch:
            recording.settle(stored, failure)

    async def store(self, recording: Recording, walked: Walked) -> None:
        """Store one trace; when this returns it survives a kill.

        Raises:
            StoreUnavailable: it was not stored
        """
        await self._traces.put(recording.trace_of(walked, self._clock()))
        recording.settle(stored=True)
