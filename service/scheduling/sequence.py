"""A sequence from admission to its result: its status, position, state and the values so far.

Nothing here knows of threads or of the other sequences.
"""

import asyncio
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum, auto
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.interventions.edits import Edits
from ntm.signature import MEMORY, State
from service.engines import Kind, Values
from service.scheduling.walk import Segment, Terms, Walk, Walked

STOP = attrgetter("stop")


class Group(NamedTuple):
    """The properties that sequences must share to advance in one batch."""

    slots: int
    kind: Kind
    interrupted: bool  # whether interventions or memory cut chunks short where others' go on

    @property
    def size(self) -> tuple[str, int]:
        """Groups of one size walk at one speed."""
        return self.kind, self.slots.bit_length()


def cut(walk: Walk) -> Walk:
    """The same walk in segments that end where edits change the state; pinned ones inspect."""
    if walk.edits is None:
        return walk
    return walk._replace(segments=cut_segments([*walk.segments], walk.edits))


def cut_segments(segments: list[Segment], edits: Edits) -> list[Segment]:
    """The same segments, cut where the state is changed; those that have pins are inspected."""
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


class Status(Enum):
    """The progress of a sequence."""

    WAITING = auto()  # admitted; its state takes no memory yet
    READY = auto()  # between chunks, in the ready queue
    RUNNING = auto()  # in a chunk that is being computed
    DONE = auto()  # its result, or an error, goes to the waiter
    LEFT = auto()  # nobody waits for it any more; if it ran, it leaves with its chunk


@dataclass(eq=False, slots=True)
class Sequence:
    """One sequence and its progress; `rows[row]` is the state that its next step starts from.

    Its status and what is counted of it change under the lock of the backlog.
    """

    walk: Walk  # whose segments are cut where interventions change the state
    terms: Terms
    waiter: asyncio.Future[Walked]
    arrived: float  # on the scheduler's clock
    deadline: float  # when it should be done, on that clock
    light: bool = False  # to walk it takes about as long as to read it and to answer
    status: Status = Status.WAITING
    queued_steps: int = 0  # steps counted by admission control
    started: float | None = None  # when its first chunk did
    loop: asyncio.AbstractEventLoop = field(init=False)  # of the waiter
    position: int = field(init=False)
    segment: Segment = field(init=False)  # that the next step lies in
    group: Group = field(init=False)  # in which it takes its next steps
    rows: State | None = field(init=False)  # [B, ...] each, shared by those it advanced with
    row: int = 0
    outputs: list[NDArray[np.float32]] = field(default_factory=list)
    values: dict[str, list[NDArray[np.float32]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Stand where the walk starts."""
        self.loop = self.waiter.get_loop()
        self.rows = self.walk.state
        self._stand_at(self.walk.start)

    def _stand_at(self, position: int) -> None:
        walk, segments = self.walk, self.walk.segments
        place = bisect_right(segments, position, key=STOP) if len(segments) > 1 else 0
        segment = segments[place]
        self.position, self.segment = position, segment
        interrupted = walk.edits is not None or MEMORY in segment.keep
        self.group = Group(walk.slots, segment.kind, interrupted)

    @property
    def is_interrupted(self) -> bool:
        """Whether its chunks are cut short somewhere, so that it takes longer than its steps."""
        segments = self.walk.segments
        return self.group.interrupted or (
            len(segments) > 1 and any(segment.memory for segment in segments)
        )

    @property
    def remaining(self) -> int:
        """Steps still to walk."""
        return len(self.walk.inputs) - self.position

    @property
    def may_overrun(self) -> bool:
        """Whether steps beyond this segment's end may be computed and thrown away."""
        return self.segment.stop == len(self.walk.inputs) and not self.walk.keep_state

    def steps_within(self, steps: int) -> int:
        """How many of the next steps lie in this segment."""
        return min(steps, self.segment.stop - self.position)

    def keep(self, name: str, value: NDArray[np.float32]) -> None:
        """Keep a value of the next steps, [steps, ...]."""
        self.values.setdefault(name, []).append(value)

    def take(self, values: Values, rows: State, row: int, steps: int) -> None:
        """Take one row of a chunk of `steps`, without those beyond the segment's end.

        The values are copied: a view would keep those of all other rows alive with it.
        """
        segment = self.segment
        steps = self.steps_within(steps)
        self.outputs.append(values["outputs"][:steps, row].copy())
        for name in segment.keep:
            if name != MEMORY:
                self.keep(name, values[name][:steps, row].copy())
        self.rows, self.row = rows, row
        self.position += steps
        if self.position == segment.stop and self.remaining:
            self._stand_at(self.position)

    def finish(self) -> Walked:
        """The result: all parts joined over time."""
        values = {name: joined(parts) for name, parts in self.values.items()}
        state = None
        if self.walk.keep_state and self.rows is not None:
            state = {n: v[self.row : self.row + 1].copy() for n, v in self.rows.items()}
        return Walked(joined(self.outputs), values, state)


def joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Parts over time as one array; one part as it is."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
