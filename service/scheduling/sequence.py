"""One sequence on its way through an engine: what is asked of it, how far it is, what came of it.

Nothing here knows of threads or of the other sequences.
"""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ntm.interventions.edits import Edits
from ntm.signature import State
from service.engines import Kind, Values


class Segment(NamedTuple):
    """A stretch of a sequence, up to step `stop`, that is walked in one way."""

    kind: Kind
    stop: int
    keep: frozenset[str] = frozenset()  # values kept beside the outputs

    @property
    def memory(self) -> bool:
        """Whether the matrix that every step's reads saw is kept; only where it is inspected."""
        return "memory" in self.keep


class Walked(NamedTuple):
    """What came of a sequence: time first, no batch axis."""

    outputs: NDArray[np.float32]  # [T, O]
    values: Values  # what its segments kept, [steps kept, ...]
    state: State | None = None  # after the last step, where it was asked for


class Wish(Protocol):
    """What is to be done with a result before whoever waits for it has it."""

    def fulfil(self, ended: "Sequence[tuple[Any, Walked]]") -> None:
        """Do it for all that ended together: wishes of this kind, and what came of each."""
        ...


class Waiter(Protocol):
    """Who waits for a result on an event loop: a future, or what does without one."""

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Where it waits, and is told."""
        ...

    def done(self) -> bool:
        """Whether it waits no more."""
        ...

    def set_result(self, result: Any, /) -> None:
        """Here it is: a `Walked`."""
        ...

    def set_exception(self, exception: Any, /) -> None:
        """There is none, and why."""
        ...


class Group(NamedTuple):
    """What sequences must share to advance together."""

    slots: int
    kind: Kind
    short: bool  # whether interventions or memory cut chunks short where others' need not be

    @property
    def size(self) -> tuple[str, int]:
        """Groups of one size walk at one pace."""
        return self.kind, self.slots.bit_length()


def cut(segments: Sequence[Segment], edits: Edits) -> list[Segment]:
    """The same stretches, cut where the state is changed; those that have pins are inspected."""
    inner = np.flatnonzero(edits.changes_state | np.diff(edits.pinned, prepend=False)).tolist()
    stops = [segment.stop for segment in segments]
    pieces, start = [], 0
    for stop in sorted({*inner, *stops} - {0}):
        if stop > stops[-1]:
            break
        segment = segments[bisect_right(stops, start)]
        kind: Kind = "inspect" if edits.pinned[start] else segment.kind
        pieces.append(segment._replace(kind=kind, stop=stop))
        start = stop
    return pieces


@dataclass(eq=False)
class Work:
    """One sequence on its way; `rows[row]` is the state that its next step starts from."""

    sequence: NDArray[np.float32]  # [T, I]
    slots: int
    segments: Sequence[Segment]
    waiter: Waiter
    admitted: float  # when, on the scheduler's clock
    due: float = 0.0  # when it should be done at the latest, on that clock: who goes first
    rows: State | None = None  # [B, ...] each, shared by those it last advanced with
    row: int = 0
    edits: Edits | None = None  # at whose steps the segments are cut
    keep_state: bool = False
    alone: bool = False  # nobody else waits for the event loop
    brief: bool = False  # to walk it takes about as long as to read what is asked and to answer
    wish: Wish | None = None  # fulfilled before the waiter has its result
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
        first = self.segments[0]
        if self.position < first.stop:
            return first
        return self.segments[bisect_right(self.segments, self.position, key=lambda s: s.stop)]

    @property
    def group(self) -> Group:
        """With whom it can take its next steps."""
        segment = self.segment
        short = self.edits is not None or segment.memory
        return Group(self.slots, segment.kind, short)

    @property
    def halts(self) -> bool:
        """Whether it halts between steps, so that it takes longer than its steps."""
        return self.edits is not None or any(segment.memory for segment in self.segments)

    @property
    def remaining(self) -> int:
        """Steps still to walk."""
        return len(self.sequence) - self.position

    @property
    def rides(self) -> bool:
        """Whether steps beyond this segment's end may be computed, because nobody needs them."""
        return self.segment.stop == len(self.sequence) and not self.keep_state

    def ahead(self, steps: int) -> int:
        """How many of the next steps lie in this segment."""
        return min(steps, self.segment.stop - self.position)

    def keep(self, name: str, value: NDArray[np.float32]) -> None:
        """Keep a value of the next steps, [steps, ...]."""
        self.kept[name].append(value)

    def take(self, values: Values, rows: State, row: int, steps: int) -> None:
        """Take one row of a chunk of `steps`; what lies beyond the segment's end is let go.

        The values are copied: a view would keep those of all other rows alive with it.
        """
        segment = self.segment
        steps = self.ahead(steps)
        self.outputs.append(values["outputs"][:steps, row].copy())
        for name in segment.keep - {"memory"}:
            self.keep(name, values[name][:steps, row].copy())
        self.rows, self.row = rows, row
        self.position += steps

    def finish(self) -> Walked:
        """All of it, joined over time."""
        values = {name: joined(parts) for name, parts in self.kept.items()}
        state = None
        if self.keep_state and self.rows is not None:
            state = {n: v[self.row : self.row + 1].copy() for n, v in self.rows.items()}
        return Walked(joined(self.outputs), values, state)


def joined(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Parts over time as one array; one part as it is."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
