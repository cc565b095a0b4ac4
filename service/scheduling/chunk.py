"""Continuous batching, one chunk: its length, its inputs and states gathered, and the run.

All that is computed for a row is what it would be alone. Where the engine is not ragged a row may
overrun its own end when that is cheaper than cutting everybody's chunk short; those steps are
thrown away.
"""

import numpy as np
from numpy.typing import NDArray

from ntm.signature import MEMORY, State
from service.engines import Engine, Pins, Values
from service.scheduling.sequence import Sequence

WASTE = 0.05  # of the steps computed, and again of the length of the rows that end
CHUNK_SECONDS = 0.01  # what a newcomer may have to wait before it can join
NO_LIMIT = 2**31


def choose_steps(engine: Engine, batch: list[Sequence], seconds_per_step: float) -> int:
    """The longest chunk that wastes little and is soon over.

    A row wastes steps in its last chunk only. So less than a tenth of all that is computed is
    waste, however requests arrive: a twentieth of this chunk, and a twentieth of the sequences
    that end in it, which lets the last steps of a batch in lockstep go at once.

    Args:
        engine: its lengths of chunks are the choice
        batch: rows of one group
        seconds_per_step: of one row
    """
    kind = batch[0].segment.kind
    if not engine.replays_memory and any(sequence.segment.memory for sequence in batch):
        return 1
    remaining = [sequence.segment.stop - sequence.position for sequence in batch]
    last = max(remaining)
    if engine.ragged:
        soon = int(CHUNK_SECONDS * last / (seconds_per_step * sum(remaining)))
        return engine.longest(kind, max(1, min(last, soon)))
    left, lengths = np.array(remaining), np.array([len(sequence.walk.inputs) for sequence in batch])
    most = min(
        (n for n, s in zip(remaining, batch, strict=True) if not s.may_overrun), default=NO_LIMIT
    )
    if engine.longest(kind, last) == last:
        most = min(most, last)
    soon = int(CHUNK_SECONDS / (seconds_per_step * len(batch)))
    steps = engine.longest(kind, max(1, min(most, soon)))
    while steps > 1:
        wasted = np.maximum(steps - left, 0)
        allowed = WASTE * (steps * len(batch) + lengths[wasted > 0].sum())
        if wasted.sum() <= allowed:
            break
        steps = engine.longest(kind, steps - 1 - steps // 16)
    return steps


def advance(engine: Engine, batch: list[Sequence], steps: int) -> None:
    """Run one chunk and give every row its part."""
    kind = batch[0].segment.kind
    x = inputs_of(batch, steps)
    before = edit(gather(engine, batch), batch)
    pins = gather_pins(batch, steps) if kind == "inspect" else None
    lengths = (
        np.array([sequence.steps_within(steps) for sequence in batch]) if engine.ragged else None
    )
    wanted = {name for sequence in batch for name in sequence.segment.keep}
    values, after = engine.run(kind, x, before, pins, lengths, wanted)
    if kind == "inspect":
        values |= engine.signature.weightings(values, axis=2)
    for row, sequence in enumerate(batch):
        segment, length = sequence.segment, sequence.steps_within(steps)
        sequence.take(values, after, row, steps)
        if segment.memory:
            states = before if engine.signature.reads_see == "before" else after
            sequence.keep(MEMORY, memories_of(engine, row, states, values, length))


def inputs_of(batch: list[Sequence], steps: int) -> NDArray[np.float32]:
    """The next inputs of every row, [steps, B, I]; zeros behind the last."""
    rows = [
        sequence.walk.inputs[sequence.position : sequence.position + steps] for sequence in batch
    ]
    if len(batch) == 1 and len(rows[0]) == steps:
        return rows[0][:, None]
    x = np.zeros((steps, len(batch), rows[0].shape[1]), np.float32)
    for row, inputs in enumerate(rows):
        x[: len(inputs), row] = inputs
    return x


def memories_of(
    engine: Engine, row: int, states: State, values: Values, steps: int
) -> NDArray[np.float32]:
    """The matrix that the reads of each of a row's steps see, [steps, N, M].

    An engine that does not compute them again walks one step at a time; see `choose_steps`.
    """
    if not engine.replays_memory:
        return states[MEMORY][row : row + 1]
    own = {name: value[:steps, row] for name, value in values.items()}
    return engine.memories(states[MEMORY][row], own)


def edit(before: State, batch: list[Sequence]) -> State:
    """The states of a batch as interventions change them; copied where they do."""
    copied = set()
    for row, sequence in enumerate(batch):
        for name, (where, pin) in (
            sequence.walk.edits.state(sequence.position) if sequence.walk.edits else {}
        ).items():
            if name not in copied:
                before = {**before, name: before[name].copy()}
                copied.add(name)
            before[name][row] = np.where(where, pin, before[name][row])
    return before


def gather_pins(batch: list[Sequence], steps: int) -> Pins:
    """What interventions pin in the next steps of a batch, as the inspect graphs want it."""
    pins: Pins = {}
    for row, sequence in enumerate(batch):
        if sequence.walk.edits is None:
            continue
        for name, (where, pin) in sequence.walk.edits.pins(
            sequence.position, sequence.position + steps
        ).items():
            shape = (steps, len(batch), *pin.shape[1:])
            values = pins.setdefault(f"pin.{name}", np.zeros(shape, np.float32))
            chosen = pins.setdefault(f"pinned.{name}", np.zeros((*shape[:3], 1), np.bool_))
            values[:, row], chosen[:, row] = pin, where
    return pins


def gather(engine: Engine, batch: list[Sequence]) -> State:
    """The states of a batch, [B, ...]; views where nobody has begun, or all advanced together."""
    fresh = [sequence for sequence in batch if sequence.rows is None]
    if fresh:
        initial = engine.initial_state(fresh[0].walk.slots)
        for sequence in fresh:
            sequence.rows, sequence.row = initial, 0
    stacks = [(sequence.rows or {}, sequence.row) for sequence in batch]
    first, numbers = stacks[0][0], [row for _, row in stacks]
    if any(rows is not first for rows, _ in stacks):
        return {n: np.concatenate([s[n][r : r + 1] for s, r in stacks]) for n in first}
    held = len(next(iter(first.values())))
    if numbers == list(range(held)):
        return first
    if held == 1:
        return {n: np.broadcast_to(v, (len(batch), *v.shape[1:])) for n, v in first.items()}
    return {name: value[numbers] for name, value in first.items()}
