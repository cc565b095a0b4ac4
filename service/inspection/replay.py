"""A trace computed again, stretch after stretch, so that a long one is never held whole."""

import asyncio
import math
from collections.abc import Sequence

import numpy as np

from ntm.interventions.edits import Edits, bytes_to_resolve, resolve
from ntm.signature import State
from service.contract.encodings import Tensors
from service.contract.fields import segment
from service.errors import Unreplayable
from service.inspection.selection import ALWAYS, Array, Selection, assemble, size_of
from service.memory import take
from service.models.served import LoadedModel
from service.records.digests import is_digest_of
from service.records.trace import Trace
from service.scheduling.walk import Segment, Terms, Walk, Walked

STRETCH_BYTES = 2**24  # of the tensors of one stretch


class Replay:
    """Where a replay is: the next step, the state before it, the outputs until there."""

    def __init__(
        self, trace: Trace, model: LoadedModel, edits: Edits | None, timeout: float
    ) -> None:
        """Stand before the first step; see `begin`."""
        self.trace, self.model, self.edits = trace, model, edits
        self.position = 0
        self.state: State = model.engine.initial_state(trace.memory_slots)
        self._timeout, self._outputs = timeout, list[Array]()

    async def advance(self, stop: int, fields: Sequence[str] = ()) -> Tensors:
        """Walk on to a step and tell the fields of the steps until there, as GET /trace does."""
        start = self.position
        walked = await self._walk(start, stop, self.state, fields)
        assert walked.state is not None  # it was asked for
        self.position, self.state = stop, walked.state
        self._outputs.append(walked.outputs)
        return self._tell(start, stop, fields, walked)

    async def again(self, start: int, stop: int, state: State, fields: Sequence[str]) -> Tensors:
        """The fields of some steps from the state before them, without going anywhere."""
        walked = await self._walk(start, stop, state, fields)
        return self._tell(start, stop, fields, walked)

    async def finish(self) -> None:
        """Walk to the end and check all outputs.

        Raises:
            Unreplayable: they are not what was recorded
        """
        if self.position < self.trace.steps:
            await self.advance(self.trace.steps)
        verify(self.trace, Walked(np.concatenate(self._outputs), {}))

    def stretch(self, fields: Sequence[str]) -> int:
        """How many steps may be held at once."""
        return max(1, STRETCH_BYTES // self._bytes_per_step(fields))

    def balanced_stretch(self, steps: int, fields: Sequence[str]) -> int:
        """As `stretch`, and so that the states between stretches take no more than one does."""
        state = sum(value.nbytes for value in self.state.values())
        balance = math.isqrt(steps * state // self._bytes_per_step(fields))
        return max(self.stretch(fields), balance)

    def bytes_of(self, steps: int, fields: Sequence[str]) -> int:
        """Bytes of the tensors of so many steps."""
        return size_of(self._selection(0, steps, fields), self.model, self.trace)

    def _bytes_per_step(self, fields: Sequence[str]) -> int:
        return max(1, self.bytes_of(1, fields))

    def _selection(self, start: int, stop: int, fields: Sequence[str]) -> Selection:
        told = self.model.signature
        heads = tuple(range(told.read_heads)), tuple(range(told.write_heads))
        return Selection(tuple(fields), start, stop, *heads)

    async def _walk(self, start: int, stop: int, state: State, fields: Sequence[str]) -> Walked:
        inner = [field for field in fields if field not in ALWAYS]
        walk = Walk(
            self.trace.inputs[:stop],
            self.trace.memory_slots,
            [segment(self.model.signature, inner, stop)],
            state=state,
            keep_state=True,
            edits=self.edits,
            start=start,
        )
        return await self.model.scheduler.walk(walk, Terms(self._timeout))

    def _tell(self, start: int, stop: int, fields: Sequence[str], walked: Walked) -> Tensors:
        inner = [field for field in fields if field != "outputs"]
        tensors = assemble(self.trace, self.model, self._selection(start, stop, inner), walked)
        return tensors | ({"outputs": walked.outputs} if "outputs" in fields else {})


async def begin(trace: Trace, model: LoadedModel, timeout: float) -> Replay:
    """A replay of a trace with what was changed in it.

    Args:
        timeout: seconds that one stretch may take
    """
    edits = await edits_of(trace, model)
    return Replay(trace, model, edits, timeout)


async def edits_of(trace: Trace, model: LoadedModel) -> Edits | None:
    """What was changed in a recorded run, resolved for its model.

    Raises:
        ServiceError: there is no room for it; see `Budget.take`
    """
    if not trace.interventions:
        return None
    asked = trace.interventions, model.signature, trace.steps, trace.memory_slots
    take("interventions", bytes_to_resolve(*asked))
    return await asyncio.to_thread(resolve, *asked)


async def replay(
    trace: Trace, model: LoadedModel, segments: Sequence[Segment], timeout: float
) -> Walked:
    """Compute a trace again, with what was changed in it, and check it against its digest.

    Raises:
        Unreplayable: it did not give the recorded outputs
        ServiceError: as `Scheduler.walk`
    """
    edits = await edits_of(trace, model)
    walk = Walk(trace.inputs, trace.memory_slots, segments, edits=edits)
    walked = await model.scheduler.walk(walk, Terms(timeout))
    verify(trace, walked)
    return walked


def verify(trace: Trace, walked: Walked) -> None:
    """Check a replay against the recorded digest.

    Raises:
        Unreplayable: it did not give the recorded outputs
    """
    start = 0
    for stop, digest in trace.pieces or ((trace.steps, trace.outputs_digest),):
        if not is_digest_of(digest, walked.outputs[start:stop]):
            raise Unreplayable(
                f"trace {trace.trace_id} was recorded by engine {trace.engine} and its replay here "
                f"gives other outputs, so it is not shown; was it recorded on another machine?"
            )
        start = stop
