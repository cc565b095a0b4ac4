"""A request's wish for a trace, fulfilled before anybody has the answer.

All that ended in one turn of the event loop are kept together, where a scheduler here delivers
them: to wait once more, each for its own, takes as long as all else that a trace costs.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.contract.checks import Prediction
from service.errors import StoreUnavailable
from service.http.keys import owner
from service.ids import together
from service.models.served import LoadedModel
from service.records.trace import Trace, record
from service.scheduling.sequence import Walked
from service.store import Traces


class Recording:
    """What there is to keep of one request; see `service.scheduling.sequence.Wish`."""

    def __init__(
        self,
        traces: Traces,
        model: LoadedModel,
        prediction: Prediction,
        interventions: Sequence[Any],
        clock: Callable[[], float],
    ) -> None:
        """To be made where the request is answered, whose owner is the trace's."""
        self._traces, self._model, self._prediction = traces, model, prediction
        self._interventions, self._clock, self._owner = interventions, clock, owner.get()
        self._trace: Trace | None = None
        self._failure: StoreUnavailable | None = None
        self._kept = False

    def fulfil(self, ended: "Sequence[tuple[Recording, Walked]]") -> None:
        """See `Wish`; what cannot be kept so soon is kept by `trace_id`."""
        now = self._clock()
        for whose in {wish._owner for wish, _ in ended}:
            theirs = [pair for pair in ended if pair[0]._owner == whose]
            names = together(len(theirs))
            traces = [
                wish._record(walked.outputs, now, name)
                for (wish, walked), name in zip(theirs, names, strict=True)
            ]
            kept, failure = False, None
            try:
                kept = self._traces.put_at_once(traces, whose)
            except StoreUnavailable as error:
                failure = error
            for wish, _ in theirs:
                wish._kept, wish._failure = kept, failure

    @property
    def is_settled(self) -> bool:
        """Whether it was fulfilled, or cannot be."""
        return self._kept or self._failure is not None

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
            self._trace = self._trace or self._record(walked.outputs, self._clock())
            await self._traces.put(self._trace)
            self._kept = True
        return self.settled_id()

    def _record(
        self, outputs: NDArray[np.float32], now: float, trace_id: str | None = None
    ) -> Trace:
        sequence, target, slots, _ = self._prediction
        self._trace = record(
            self._model, sequence, target, slots, outputs, now, self._interventions, trace_id
        )
        return self._trace
