"""A trace records what was computed and stays small: weightings are computed again on demand.

What is kept: the inputs, what was changed in the run, which model in which version (by digest), the
engine, and a digest of the outputs, against which every replay is checked.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.interventions.edits import resolve
from ntm.runs.record import ADDRESSING, CONTROLS, addressing_of
from service import ids
from service.contract.encodings import Tensors
from service.errors import ServiceError, UnknownInclude, Unreplayable
from service.models.served import LoadedModel
from service.records.digests import digest_of, is_digest_of
from service.scheduling.walk import Segment, Terms, Walk, Walked

Array = NDArray[np.float32]

DEFAULT_FIELDS = ("inputs", "outputs", "read_weightings", "write_weightings")
FIELDS = (
    "inputs",
    "outputs",
    "target",
    "read_weightings",
    "write_weightings",
    "addressing",
    "controls",
    "writes",
    "reads",
    "controller",
    "memory",
)
STAGES = {
    "read_weightings": ("weighting",),
    "write_weightings": ("weighting",),
    "addressing": ADDRESSING,
    "controls": CONTROLS,
    "writes": ("erase", "add"),
    "reads": ("reads",),
    "controller": ("hidden", "cell"),
    "memory": ("memory",),
}


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


@dataclass(frozen=True)
class Selection:
    """What a client wants to see of a trace."""

    fields: tuple[str, ...]
    start: int
    stop: int
    read_heads: tuple[int, ...]
    write_heads: tuple[int, ...]


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


def select(
    trace: Trace, model: LoadedModel, include: str | None, steps: str | None, heads: str | None
) -> Selection:
    """Read the query of GET /trace/{id}.

    Raises:
        UnknownInclude: a field is unknown
        ServiceError: `steps` or `heads` do not fit the trace
    """
    fields = tuple(include.split(",")) if include else DEFAULT_FIELDS
    for name in fields:
        if name not in FIELDS:
            raise UnknownInclude(f"include should be of {', '.join(FIELDS)}, got '{name:.40}'")
    start, stop = parse_steps(steps, trace.steps)
    read, write = parse_heads(heads, model.signature.read_heads, model.signature.write_heads)
    return Selection(fields, start, stop, read, write)


def parse_steps(told: str | None, total: int) -> tuple[int, int]:
    """`a:b` as in Python, either end optional, within the trace and not empty."""
    if told is None:
        return 0, total
    first, colon, last = told.partition(":")
    try:
        start, stop = int(first or 0), int(last or total)
    except ValueError:
        start, stop = -1, -1
    if not colon or not 0 <= start < stop <= total:
        raise ServiceError(f"steps should be a:b with 0 <= a < b <= {total}, got '{told:.40}'")
    return start, stop


def parse_heads(
    told: str | None, reads: int, writes: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`read.0,write.1` as the indices of read and of write heads; all of them by default."""
    if told is None:
        return tuple(range(reads)), tuple(range(writes))
    known = {f"read.{i}": i for i in range(reads)} | {f"write.{i}": i for i in range(writes)}
    asked = told.split(",")
    for head in asked:
        if head not in known:
            raise ServiceError(f"heads should be of {', '.join(known)}, got '{head:.40}'")
    return (
        tuple(known[h] for h in asked if h.startswith("read")),
        tuple(known[h] for h in asked if h.startswith("write")),
    )


def plan(selection: Selection, model: LoadedModel, steps: int) -> list[Segment]:
    """How to walk the sequence so that what was asked for is kept and nothing else is."""
    wanted, weightings = set(selection.fields), {"read_weightings", "write_weightings"}
    if wanted & STAGES.keys() <= weightings:
        kept = Segment("predict", selection.stop, frozenset(wanted & weightings))
    else:
        there = {stage.name for stage in model.signature.stages} | {"memory"}
        keep = there & {stage for field in wanted for stage in STAGES.get(field, ())}
        kept = Segment("inspect", selection.stop, frozenset(keep))
    before = [Segment("predict", selection.start)] if selection.start else []
    after = [Segment("predict", steps)] if selection.stop < steps else []
    return [*before, kept, *after]


def size_of(selection: Selection, model: LoadedModel, trace: Trace) -> int:
    """Bytes of the tensors that a selection will hold, before they are encoded."""
    told = model.signature
    heads = len(selection.read_heads) + len(selection.write_heads)
    slots = trace.memory_slots
    per_step = {
        "inputs": told.input_size,
        "outputs": told.output_size,
        "target": told.output_size,
        "read_weightings": len(selection.read_heads) * slots,
        "write_weightings": len(selection.write_heads) * slots,
        "addressing": heads * (3 * slots + told.memory_width + len(told.shifts) + 3),
        "controls": heads * (told.memory_width + len(told.shifts) + 3),
        "writes": 2 * len(selection.write_heads) * told.memory_width,
        "reads": len(selection.read_heads) * told.memory_width,
        "controller": sum(
            int(stage.shape[0]) for stage in told.stages if stage.name in ("hidden", "cell")
        ),
        "memory": slots * told.memory_width,
    }
    steps = selection.stop - selection.start
    return 4 * steps * sum(per_step[name] for name in selection.fields)


async def replay(
    trace: Trace, model: LoadedModel, segments: Sequence[Segment], timeout: float
) -> Walked:
    """Compute a trace again, with what was changed in it, and check it against its digest.

    Raises:
        Unreplayable: it did not give the recorded outputs
        ServiceError: as `Scheduler.walk`
    """
    edits = None
    if trace.interventions:
        edits = await asyncio.to_thread(
            resolve, trace.interventions, model.signature, trace.steps, trace.memory_slots
        )
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


def assemble(trace: Trace, model: LoadedModel, selection: Selection, walked: Walked) -> Tensors:
    """The selected tensors by dotted name, time first."""
    span = slice(selection.start, selection.stop)
    kept = dict(walked.values)
    read, write = list(selection.read_heads), list(selection.write_heads)
    if "weighting" in kept:
        reads = model.signature.read_heads
        kept["read_weightings"] = kept["weighting"][:, :reads]
        kept["write_weightings"] = kept["weighting"][:, reads:]
    tensors: Tensors = {}
    for name in selection.fields:
        match name:
            case "inputs":
                tensors[name] = trace.inputs[span]
            case "outputs":
                tensors[name] = walked.outputs[span]
            case "target":
                if trace.target is not None:
                    tensors[name] = trace.target[span]
            case "read_weightings":
                tensors[name] = kept[name][:, read]
            case "write_weightings":
                tensors[name] = kept[name][:, write]
            case "addressing":
                tensors |= addressing_of(kept, read, write, model.signature.read_heads)
            case "controls":
                reads = model.signature.read_heads
                tensors |= addressing_of(kept, read, write, reads, CONTROLS)
            case "writes":
                tensors["writes.erase"] = kept["erase"][:, write]
                tensors["writes.add"] = kept["add"][:, write]
            case "reads":
                tensors[name] = kept["reads"][:, read]
            case "controller":
                tensors["controller.hidden"] = kept["hidden"]
                if "cell" in kept:
                    tensors["controller.cell"] = kept["cell"]
            case "memory":
                tensors[name] = kept["memory"]
    return tensors
