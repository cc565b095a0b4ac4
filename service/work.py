"""One sequence on its way through an engine: what is asked of it, how far it is, what came of it.

Nothing here knows of threads or of the other sequences.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ntm.signature import State
from service.engines import Kind, Values


@dataclass(frozen=True)
class Segment:
    """A stretch of a sequence, up to step `stop`, that is walked in one way."""

    kind: Kind
    stop: int
    keep: frozenset[str] = frozenset()  # values kept beside the outputs
    memory: bool = False  # keep the matrix that every step's reads saw


@dataclass(frozen=True)
class Walked:
    """What came of a sequence: time first, no batch axis."""

    outputs: NDArray[np.float32]  # [T, O]
    values: Values  # what its segments kept, [steps kept, ...]
    state: State | None = None  # after the last step, where it was asked for


@dataclass(frozen=True)
class Group:
    """What sequences must share to advance together."""

    slots: int
    kind: Kind
    memory: bool


@dataclass(eq=False)
class Work:
    """One sequence on its way; `rows[row]` is the state that its next step starts from."""

    sequence: NDArray[np.float32]  # [T, I]
    slots: int
    segments: Sequence[Segment]
    future: "asyncio.Future[Walked]"
    admitted: float  # when, on the scheduler's clock
    rows: State | None = None  # [B, ...] each, shared by those it last advanced with
    row: int = 0
    keep_state: bool = False
    position: int = 0
    counted: int = 0  # steps it takes up in the queue
    started: float | None = None  # when its first chunk did
    running: bool = False  # in the chunk that is being computed
    dropped: bool = False  # nobody waits for it any more
    outputs: list[NDArray[np.float32]] = field(default_factory=list)
    kept: dict[str, list[NDArray[np.float32]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def segment(self) -> Segment:
        """The segment that the next step lies in."""
        return next(s for s in self.segments if self.position < s.stop)

    @property
    def group(self) -> Group:
        """With whom it can take its next steps."""
        segment = self.segment
        return Group(self.slots, segment.kind, segment.memory)

    @property
    def remaining(self) -> int:
        """Steps still to walk."""
        return len(self.sequence) - self.position

    @property
    def rides(self) -> bool:
        """Whether steps beyond this segment's end may be computed, because nobody needs them."""
        return self.segment.stop == len(self.sequence) and not self.keep_state

    def take(self, values: Values, rows: State, row: int, steps: int) -> None:
        """Take one row of a chunk of `steps`; what lies beyond the segment's end is let go.

        The values are copied: a view would keep those of all other rows alive with it.
        """
        segment = self.segment
        steps = min(steps, segment.stop - self.position)
        self.outputs.append(values["outputs"][:steps, row].copy())
        for name in segment.keep:
            self.kept[name].append(values[name][:steps, row].copy())
        self.rows, self.row = rows, row
        self.position += steps

    def finish(self) -> Walked:
        """All of it, joined over time."""
        values = {name: np.concatenate(parts) for name, parts in self.kept.items()}
        state = None
        if self.keep_state and self.rows is not None:
            state = {n: v[self.row : self.row + 1].copy() for n, v in self.rows.items()}
        return Walked(np.concatenate(self.outputs), values, state)
