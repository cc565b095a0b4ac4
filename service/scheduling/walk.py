"""A request to the scheduler and its result: a sequence to walk, and on which terms.

Plain data, passed whole from the route to the engine, in this process or in a replica.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.interventions.edits import Edits
from ntm.signature import MEMORY, State
from service.engines import Kind, Values


class Segment(NamedTuple):
    """A stretch of a sequence, up to step `stop`, that is walked in one way."""

    kind: Kind
    stop: int
    keep: tuple[str, ...] = ()  # values kept beside the outputs, in the order of the result

    @property
    def memory(self) -> bool:
        """Whether the matrix that every step's reads saw is kept; only where it is inspected."""
        return MEMORY in self.keep


class Walk(NamedTuple):
    """One sequence to walk."""

    inputs: NDArray[np.float32]  # [T, I]; those that interventions change are changed already
    slots: int  # N
    segments: Sequence[Segment]  # the last one stops at T
    state: State | None = None  # to start from; the model's initial one by default
    keep_state: bool = False  # whether the state after the last step is part of the result
    edits: Edits | None = None  # what interventions change
    start: int = 0  # the step that `state` comes before; earlier ones are not walked

    @property
    def steps(self) -> int:
        """How many steps are to be walked."""
        return len(self.inputs) - self.start


class Walked(NamedTuple):
    """The result of a walk: time first, no batch axis."""

    outputs: NDArray[np.float32]  # [T, O]
    values: Values  # what its segments kept, [steps kept, ...]
    state: State | None = None  # after the last step, where it was to be kept


BatchEnd = Callable[[list[tuple[Any, Walked]]], None]


class Terms(NamedTuple):
    """On which terms a walk is scheduled."""

    timeout: float  # seconds until it is given up
    spent: float = 0.0  # seconds of the request's time before, which its error counts
    alone: bool = False  # no other request waits for the event loop
    together: bool = False  # one of many walks that are answered as one
    batch_end: BatchEnd | None = None  # hook: tags and results of all that ended together
    tag: Any = None  # handed to `batch_end` beside the result
