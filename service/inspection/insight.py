"""What a replay tells of a trace: where a read came from, where two traces part, what is odd."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from safetensors.numpy import load_file

from ntm.answers import in_slot
from ntm.architectures import catalogue
from ntm.architectures.margin import Margin, NoAnswer
from ntm.architectures.rollout import RolledPart
from ntm.insight import Difference, Finding, Provenance, Thresholds
from ntm.insight.answering import of_answer
from ntm.insight.answers import answered
from ntm.insight.arrays import Array
from ntm.insight.columns import columns_of, edits_within, of_head
from ntm.insight.difference import Comparison
from ntm.insight.examination import Examination, examined
from ntm.insight.provenance import WRITTEN, Backward, needs
from ntm.interventions.edits import Edits
from ntm.measures.stretches import Flags
from ntm.runs.record import stages_in_traces
from ntm.signature import MEMORY, Signature, Written
from service.contract import fields
from service.contract.encodings import Tensors
from service.contract.words import heard_in, slots_are_unknown
from service.errors import NotComparable, ServiceError
from service.inspection.answers import Answers, AnswersOfTwo, needed_for_answers
from service.inspection.replay import Replay
from service.memory import take

READS = "reads"  # the read vectors
HELD_BYTES = 2**26  # of two runs that are looked at as a whole


@dataclass(frozen=True)
class ToldProvenance:
    """Where a read came from, as far as that is known."""

    exactly: Provenance
    error: float  # by which the sum of its parts misses the read vector
    rolled_out: list[RolledPart] | None  # over all layers, where the model has some


async def provenance(replay: Replay, step: int, head: int, limit: int) -> ToldProvenance:
    """Split a read into its parts.

    The steps before the read are walked forwards once, which keeps the states between stretches,
    and then from the last stretch to the first.
    """
    signature = replay.model.signature
    written = how_it_writes(signature)
    told = needed_fields(signature, (*needs(written), READS), "parts of a read", without=(MEMORY,))
    roll = catalogue.find(signature.architecture).rollout_class
    writes = [field for field in told if field != READS]
    length, cuts = replay.balanced_stretch(step + 1, told), []
    while step + 1 - replay.position > length:
        cuts.append((replay.position, replay.state))
        await replay.advance(replay.position + length)
    first, beginning = replay.position, cuts[0][1] if cuts else replay.state
    last = await replay.advance(step + 1, told)
    seen = replay.state[MEMORY][0]
    await replay.finish()
    edits, read = edits_of(replay.edits), last[READS][-1, head]
    columns = columns_of(written, head, len(read))
    backward = await asyncio.to_thread(
        partial(Backward, reads_see=signature.reads_see),
        last["read_weightings"][-1, head],
        len(read),
        step,
        edits_within(edits, columns),
    )
    rollout = roll and roll(signature, seen, head, step, edits)

    def back(tensors: Tensors) -> None:
        if rollout:
            rollout.back(tensors)
        own = of_head(tensors, written, head)
        backward.back(own, WRITTEN if written.columns else written)

    if signature.reads_see == "before":  # the read's own step writes later
        last = {name: value[:-1] for name, value in last.items()}
    await asyncio.to_thread(back, last)
    while cuts:
        start, state = cuts.pop()
        await asyncio.to_thread(back, await replay.again(start, first, state, writes))
        first = start
    memory = beginning[MEMORY][0][:, columns]
    found = await asyncio.to_thread(backward.finish, memory, head, step, limit)
    error = float(abs(found.read - read).max())
    return ToldProvenance(found, error, rollout.finish() if rollout else None)


async def margin(replay: Replay, step: int, support: Sequence[int] = ()) -> dict[str, Any]:
    """Split the margin of the answer of a step, and say what is odd about it.

    Args:
        replay: of the trace
        step: of the answer
        support: numbers of the sentences that it should rest on, from 0
    Raises:
        ServiceError: the model has no such split, the step answers nothing, or no slot holds such
            a sentence
    """
    model, trace = replay.model, replay.trace
    split = catalogue.find(model.signature.architecture).margin_class
    if split is None:
        raise ServiceError(
            f"the margin of an answer is not split for {model.signature.architecture}"
        )
    split, config = split(), model.description.config
    try:
        question = split.asked_at(config, trace.inputs, step)
    except NoAnswer as error:
        raise ServiceError(str(error)) from None
    heard, slots = split.heard(trace.inputs[:question]), trace.memory_slots
    for number in support:
        if not max(0, heard - slots) <= number < heard:
            raise ServiceError(
                f"support should name sentences from {max(0, heard - slots)} to {heard - 1}, "
                f"got {number}"
            )
    told = needed_fields(model.signature, split.fields[1:], "parts of a margin")
    await replay.advance(question)
    thought = min(step + 1, question + split.steps_needed(config))
    take("answers", replay.bytes_of(thought - question, told))
    run = await replay.advance(thought, ("outputs", *told))
    if thought <= step:  # silence that changes nothing, of which only the last output is needed
        run["outputs"] = (await replay.advance(step + 1, ("outputs",)))["outputs"]
    await replay.finish()
    weights = await asyncio.to_thread(load_file, model.folder.checkpoint)
    found: Margin = await asyncio.to_thread(split, config, weights, run, heard)
    vocabulary, sentences = model.vocabulary, list[str]()
    if vocabulary is not None and not slots_are_unknown(replay.edits):
        sentences = heard_in(trace.inputs[:question], vocabulary)

    def name(channel: int) -> str:
        return str(channel) if vocabulary is None else vocabulary.answers[channel]

    return {
        "question": question,
        "answer": name(found.answer),
        "runner_up": name(found.runner_up),
        "margin": found.margin,
        "error": found.error,
        "parts": [
            {**vars(part), "sentence": in_slot(part.slot, sentences, slots)} for part in found.parts
        ],
        "findings": [
            {**vars(one), "sentence": in_slot(one.slot, sentences, slots)}
            for one in of_answer(
                found, run["read_weightings"][1:, 0], [number % slots for number in support]
            )
        ],
    }


def edits_of(edits: Edits | None) -> "Memories | None":
    """Where interventions replace memory, as provenance takes it."""
    return None if edits is None else Memories(edits)


class Memories:
    """The memory that interventions set before a step."""

    def __init__(self, edits: Edits) -> None:
        self._edits = edits

    def __call__(self, step: int) -> tuple[Flags, Array] | None:
        """Where, and what; None where there is nothing."""
        return self._edits.state(step).get(MEMORY)


async def difference(
    left: Replay, right: Replay, tolerance: float
) -> tuple[Difference, Answers | None]:
    """Compare two traces over the steps that both have.

    Of different architectures also where every answer came from, where that is known of both.

    Raises:
        NotComparable: their sizes differ
    """
    refuse_other_sizes(left, right)
    comparison = Comparison(tolerance, left.model.signature.reads_see)
    steps = min(left.trace.steps, right.trace.steps)
    told = [compared(replay.model.signature) for replay in (left, right)]
    sides = answering(left, right, steps)
    stretches = (replay.stretch(f) for replay, f in zip((left, right), told, strict=True))
    length = max(1, min(stretches) // 2)
    while left.position < steps:
        stop = min(steps, left.position + length)
        tensors = [await left.advance(stop, told[0]), await right.advance(stop, told[1])]
        if sides is not None:
            sides.take(*tensors)
        drop_unlike(*tensors)
        await asyncio.to_thread(comparison.add, *tensors)
    await left.finish()
    await right.finish()
    answers = None if sides is None else await asyncio.to_thread(sides.finish)
    return comparison.finish(), answers


def answering(left: Replay, right: Replay, steps: int) -> AnswersOfTwo | None:
    """What tells where the answers of two runs came from; None where that is not to be told.

    It is of two architectures that both tell what a read is made of, and of runs that are answers
    and small enough to be held whole.
    """
    told = [replay.model.signature for replay in (left, right)]
    if told[0].architecture == told[1].architecture or None in (s.written for s in told):
        return None
    inputs, task = left.trace.inputs[:steps], left.model.task
    heard = answered(task, inputs, task.phases(inputs) if task is not None else ())
    needs = [needed_for_answers(signature) for signature in told]
    sizes = (
        steps * fields.width(s, fields.telling(s, names), replay.trace.memory_slots)
        for s, names, replay in zip(told, needs, (left, right), strict=True)
    )
    if not heard or 4 * sum(sizes) > HELD_BYTES:
        return None
    return AnswersOfTwo(heard, told, needs, [edits_of(replay.edits) for replay in (left, right)])


def compared(signature: Signature) -> tuple[str, ...]:
    """The fields that two traces are compared by: all that a model has."""
    return "inputs", "outputs", *fields.of_a_run(signature)


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
    ours, theirs = signatures
    shapes = {stage.name: stage.shape for stage in theirs.stages if stage.group != "controller"}
    for stage in ours.stages:
        other = shapes.get(stage.name, stage.shape)
        if stage.group != "controller" and stage.shape != other:
            raise not_comparable(f"the shape of {stage.name}", list(stage.shape), list(other))


def not_comparable(name: str, left: Any, right: Any) -> NotComparable:
    """The error about a size."""
    return NotComparable(f"{name} should be the same in both traces, got {left} and {right}")


def drop_unlike(left: dict[str, Array], right: dict[str, Array]) -> None:
    """Leave out of both what has another shape in one than in the other."""
    for name in left.keys() & right.keys():
        if left[name].shape != right[name].shape:
            del left[name], right[name]


def how_it_writes(signature: Signature) -> Written:
    """The stages that are erased from the memory and added to it.

    Raises:
        ServiceError: the model writes in another way
    """
    if signature.written is None:
        raise ServiceError(
            f"parts of a read are not defined for {signature.architecture}, which does not write "
            f"by erasing and adding"
        )
    return signature.written


def needed_fields(
    signature: Signature, tensors: Sequence[str], purpose: str, without: Sequence[str] = ()
) -> tuple[str, ...]:
    """The fields that tell the tensors which something needs, but for some of them.

    Raises:
        ServiceError: the model's stages do not give them
    """
    try:
        told = fields.telling(signature, tensors)
    except KeyError as error:
        raise ServiceError(
            f"{purpose} are not defined for {signature.architecture}, which has no {error.args[0]}"
        ) from None
    return tuple(field for field in told if field not in without)


async def findings(replay: Replay, thresholds: Thresholds) -> list[Finding]:
    """What is odd about a trace."""
    signature = replay.model.signature
    if not signature.sides:
        raise ServiceError(
            f"findings are not defined for {signature.architecture}, which has no heads"
        )
    names = [*stages_in_traces(signature), *([MEMORY] if signature.has_memory else [])]
    told = fields.telling(signature, examined(names, signature.written))
    examination = Examination(thresholds, signature.written, signature.reads_see)
    steps = replay.trace.steps
    length = replay.stretch(told)
    while replay.position < steps:
        tensors = await replay.advance(min(steps, replay.position + length), told)
        await asyncio.to_thread(examination.take, tensors)
    await replay.finish()
    return await asyncio.to_thread(examination.finish)


def read_head(told: str, heads: int) -> int:
    """`read.1` or `1` as the index of a read head.

    Raises:
        ServiceError: there is no such read head
    """
    if not heads:
        raise ServiceError("provenance is not defined for a model without read heads")
    known = [f"read.{head}" for head in range(heads)]
    name = f"read.{told}" if told.isdecimal() else told
    if name not in known:
        raise ServiceError(f"head should be one of {', '.join(known)}, got '{told:.40}'")
    return known.index(name)
