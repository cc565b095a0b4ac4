"""A trace records what was computed and stays small: weightings are computed again on demand.

What is stored: the inputs, the interventions, which model in which version (by digest), the engine,
and a digest of the outputs, against which every replay is checked.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service import ids
from service.models.served import LoadedModel
from service.records.digests import digest_of

Array = NDArray[np.float32]


class Trace(NamedTuple):
    """One recorded request, or a session so far."""

    trace_id: str
    model: str
    version: int
    model_digest: str
    engine: str
    created_at: float
    memory_slots: int
    inputs: Array  # [T, I], as the model saw them
    target: Array | None  # [T, O]
    outputs_digest: str
    interventions: Sequence[Any] = ()  # as they were asked for
    pieces: tuple[tuple[int, str], ...] = ()  # a session's: where each ends, its outputs' digest

    @property
    def steps(self) -> int:
        """T."""
        return len(self.inputs)


def record(
    model: LoadedModel,
    inputs: Array,
    target: Array | None,
    slots: int,
    outputs: Array,
    now: float,
    interventions: Sequence[Any] = (),
    trace_id: str | None = None,
) -> Trace:
    """The trace of a request that has just been computed; with a new id, if none is given."""
    return Trace(
        trace_id or ids.ordered(),
        model.name,
        model.version,
        model.digest,
        model.engine.name,
        now,
        slots,
        inputs,
        target,
        digest_of(outputs),
        interventions,
    )
