"""A request's wish for a trace, fulfilled before anybody has the answer.

All that ended in one turn of the event loop are kept together, where a scheduler here delivers
them: to wait once more, each for its own, takes as long as all else that a trace costs.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import StoreUnavailable
from service.keys import owner
from service.models import LoadedModel
from service.schemas import Prediction
from service.store import Traces
from service.traces import Trace, record
from service.work import Walked


class Recording:
    """What there is to keep of one request; see `service.work.Wish`."""

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
        self._kept: str | StoreUnavailable | None = None

    def fulfil(self, ended: "Sequence[tuple[Recording, Walked]]") -> None:
        """See `Wish`; what cannot be kept so soon is kept by `trace_id`."""
        kept = [(wish._trace_of(walked.outputs), wish._owner) for wish, walked in ended]
        failure: StoreUnavailable | None = None
        try:
            if not self._traces.put_at_once(kept):
                return
        except StoreUnavailable as error:
            failure = error
        for (wish, _), (trace, _) in zip(ended, kept, strict=True):
            wish._kept = failure or trace.trace_id

    async def trace_id(self, walked: Walked) -> str:
        """The id of the trace; when this returns it survives a kill.

        Raises:
            StoreUnavailable: it was not stored
        """
        if self._kept is None:
            trace = self._trace_of(walked.outputs)
            await self._traces.put(trace)
            return trace.trace_id
        if isinstance(self._kept, StoreUnavailable):
            raise self._kept
        return self._kept

    def _trace_of(self, outputs: NDArray[np.float32]) -> Trace:
        sequence, target, slots, _ = self._prediction
        now = self._clock()
        return record(self._model, sequence, target, slots, outputs, now, self._interventions)
