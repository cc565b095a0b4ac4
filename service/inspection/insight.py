"""What a replay tells of a trace: where a read came from, where two traces part, what is odd."""

import asyncio
from collections.abc import Collection

from ntm.insight import Difference, Finding, Provenance, Thresholds
from ntm.insight.arrays import Array, Flags
from ntm.insight.difference import Comparison
from ntm.insight.findings import NEEDED as FINDINGS_NEED
from ntm.insight.findings import Examination
from ntm.insight.provenance import NEEDED as PROVENANCE_NEEDS
from ntm.insight.provenance import Backward
from ntm.interventions.edits import Edits
from ntm.runs.record import names_in_traces
from service.errors import NotComparable, ServiceError
from service.inspection.replay import Replay

WRITTEN = ("read_weightings", "write_weightings", "writes")
EXAMINED = (*WRITTEN, "addressing", "memory")
COMPARED = ("inputs", "outputs", *EXAMINED, "reads", "controller")


async def provenance(replay: Replay, step: int, head: int, limit: int) -> tuple[Provenance, float]:
    """Split a read into its parts, and say by how much their sum misses the read vector.

    The steps before the read are walked forwards once, which keeps the states between stretches,
    and then from the last stretch to the first.
    """
    refuse_without(replay, PROVENANCE_NEEDS, "parts of a read")
    fields = (*WRITTEN, "reads")
    length, cuts = replay.balanced_stretch(step + 1, fields), []
    while step + 1 - replay.position > length:
        cuts.append((replay.position, replay.state))
        await replay.advance(replay.position + length)
    first, beginning = replay.position, cuts[0][1] if cuts else replay.state
    last = await replay.advance(step + 1, fields)
    await replay.finish()
    width = replay.model.signature.memory_width
    backward = await asyncio.to_thread(
        Backward, last["read_weightings"][-1, head], width, step, edits_of(replay.edits)
    )
    read = last["reads"][-1, head]
    tensors = {name: value[:-1] for name, value in last.items()}  # the read's own step writes later
    await asyncio.to_thread(go_back, backward, tensors)
    while cuts:
        start, state = cuts.pop()
        tensors = await replay.again(start, first, state, WRITTEN)
        await asyncio.to_thread(go_back, backward, tensors)
        first = start
    told = await asyncio.to_thread(backward.finish, beginning["memory"][0], head, step, limit)
    return told, float(abs(told.read - read).max())


def go_back(backward: Backward, tensors: dict[str, Array]) -> None:
    """Go back through a stretch."""
    backward.back(tensors["write_weightings"], tensors["writes.erase"], tensors["writes.add"])


def edits_of(edits: Edits | None) -> "Memories | None":
    """Where interventions replace memory, as provenance takes it."""
    return None if edits is None else Memories(edits)


class Memories:
    """The memory that interventions set before a step."""

    def __init__(self, edits: Edits) -> None:
        self._edits = edits

    def __call__(self, step: int) -> tuple[Flags, Array] | None:
        """Where, and what; None where there is nothing."""
        return self._edits.state(step).get("memory")


async def difference(left: Replay, right: Replay, tolerance: float) -> Difference:
    """Compare two traces over the steps that both have.

    Raises:
        NotComparable: their sizes differ
    """
    refuse_other_sizes(left, right)
    comparison = Comparison(tolerance)
    steps = min(left.trace.steps, right.trace.steps)
    length = max(1, left.stretch(COMPARED) // 2)
    while left.position < steps:
        stop = min(steps, left.position + length)
        tensors = [await replay.advance(stop, COMPARED) for replay in (left, right)]
        drop_unlike(*tensors)
        await asyncio.to_thread(comparison.add, *tensors)
    await left.finish()
    await right.finish()
    return comparison.finish()


def refuse_other_sizes(left: Replay, right: Replay) -> None:
    """Say no to what has no common axes; of two architectures only what goes in and comes out has.

    Raises:
        NotComparable
    """
    signatures = [replay.model.signature for replay in (left, right)]
    names = ["input_size", "output_size"]
    alike = len({signature.architecture for signature in signatures}) == 1
    for name in [*names, "read_heads", "write_heads", "memory_width"] if alike else names:
        sizes = [getattr(signature, name) for signature in signatures]
        if sizes[0] != sizes[1]:
            raise not_comparable(name, *sizes)
    if not alike:
        return
    if left.trace.memory_slots != right.trace.memory_slots:
        raise not_comparable("memory_slots", left.trace.memory_slots, right.trace.memory_slots)
    shifts = [len(signature.shifts) for signature in signatures]
    if shifts[0] != shifts[1]:
        raise not_comparable("shifts", *shifts)


def not_comparable(name: str, left: int, right: int) -> NotComparable:
    """The error about a size."""
    return NotComparable(f"{name} should be the same in both traces, got {left} and {right}")


def drop_unlike(left: dict[str, Array], right: dict[str, Array]) -> None:
    """Leave out of both what has another shape in one than in the other."""
    for name in left.keys() & right.keys():
        if left[name].shape != right[name].shape:
            del left[name], right[name]


def refuse_without(replay: Replay, needed: Collection[str], purpose: str) -> None:
    """Say no to what the stages of a model do not allow.

    Raises:
        ServiceError: the model has no such stages, or its reads see what the same step writes
    """
    signature = replay.model.signature
    arrays = set(names_in_traces(signature))
    missing = [name for name in needed if name not in arrays]
    if missing or signature.reads_see != "before":
        reason = f"has no {missing[0]}" if missing else "reads what the same step writes"
        raise ServiceError(
            f"{purpose} are not defined for {signature.architecture}, which {reason}"
        )


async def findings(replay: Replay, thresholds: Thresholds) -> list[Finding]:
    """What is odd about a trace."""
    refuse_without(replay, FINDINGS_NEED, "findings")
    examination, steps = Examination(thresholds), replay.trace.steps
    length = replay.stretch(EXAMINED)
    while replay.position < steps:
        tensors = await replay.advance(min(steps, replay.position + length), EXAMINED)
        await asyncio.to_thread(examination.take, tensors)
    await replay.finish()
    return await asyncio.to_thread(examination.finish)


def read_head(told: str, heads: int) -> int:
    """`read.1` or `1` as the index of a read head.

    Raises:
        ServiceError: there is no such read head
    """
    known = [f"read.{head}" for head in range(heads)]
    name = f"read.{told}" if told.isdecimal() else told
    if name not in known:
        raise ServiceError(f"head should be one of {', '.join(known)}, got '{told:.40}'")
    return known.index(name)
