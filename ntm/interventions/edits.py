"""What a list of interventions means for one model, one length and one N: arrays, step by step.

The library, the service and the command line all run a sequence with these: inputs are changed
before it starts, the state between two steps, the stages inside a step (where pinned, the pin is
used). What the list looks like is in interventions.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm.interventions.checks import Item, check, place
from ntm.interventions.items import parse
from ntm.signature import Signature, Stage

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Where = tuple[Flags, Array]  # where pinned, and to what


# Bytes of what a list is made into: Python's objects, checked and as they came; the weightings that
# words mean; whether a step has pins or changes the state; which value holds, and what restarts.
PER_ITEM, PER_NUMBER, PER_SLOT, PER_STEP, PER_STEP_AND_HEAD = 2048, 128, 16, 2, 5


@dataclass(frozen=True)
class _Stage:
    """The pins of one stage: which of `values` holds at each step for each head, or -1."""

    which: NDArray[np.int32]  # [T, heads]
    values: list[Array]  # [width] each


class Edits:
    """The changes of one run of T steps with N slots."""

    def __init__(self, items: Sequence[Item], told: Signature, steps: int, slots: int) -> None:
        """From items that have been checked; see `resolve`."""
        self.steps, self._told, self._slots = steps, told, slots
        self.inputs = [  # rows [input_size] for steps
            (slice(item.start, item.stop), np.array(item.changes.input, np.float64))
            for item in items
            if item.changes.input is not None
        ]
        memory = [item for item in items if item.changes.memory is not None]
        self._spans = np.array([(i.start, i.stop) for i in memory]).reshape(-1, 2)
        self._memory = [(i.slot, np.array(i.changes.memory, np.float64)) for i in memory]
        self._stages = {
            stage.name: pinned
            for stage in told.pinnable
            if (pinned := self._gather(stage, items)) is not None
        }
        self.pinned: Flags = np.zeros(steps, np.bool_)  # [T], where any stage is
        for stage in self._stages.values():
            self.pinned[(stage.which >= 0).any(axis=1)] = True
        self._restarting = self._find_restarts()
        self.changes_state: Flags = np.zeros(steps, np.bool_)  # [T], before which steps
        for _, restarting in self._restarting:
            self.changes_state[restarting.any(axis=1)] = True
        for start, stop in self._spans:
            self.changes_state[start:stop] = True

    @property
    def changes_slots(self) -> bool:
        """Whether slots may come to hold something else than what the sequence says."""
        owners = {stage.name: stage.owner for stage in self._told.pinnable}
        pins_writes = any(owners[name] != "read" for name in self._stages)
        return bool(self.inputs or self._memory) or pins_writes

    def write_inputs(self, sequence: NDArray[np.float32]) -> None:
        """Change the inputs [T, ..., input_size] in place."""
        for steps, row in self.inputs:
            sequence[steps] = row

    def pins(self, start: int, stop: int) -> dict[str, Where]:
        """The pinned stages of some steps: [K, H, 1] where, [K, H, width] what (W for H of e, a).

        Steps beyond T are not pinned.
        """
        pins: dict[str, Where] = {}
        for name, stage in self._stages.items():
            which = stage.which[start:stop]
            at = np.argwhere(which >= 0)
            if not len(at):
                continue
            heads, width = which.shape[1], len(stage.values[0])
            where = np.zeros((stop - start, heads, 1), np.bool_)
            pin = np.zeros((stop - start, heads, width))
            for step, head in at:
                where[step, head] = True
                pin[step, head] = stage.values[which[step, head]]
            pins[name] = where, pin
        return pins

    def state(self, step: int) -> dict[str, Where]:
        """What to change in the state before a step, by name; shapes broadcast to [..., N, M]."""
        if not self.changes_state[step]:
            return {}
        pins: dict[str, Where] = {}
        inside: Flags = (self._spans[:, 0] <= step) & (step < self._spans[:, 1])
        if inside.any():
            pins["memory"] = self._memory_of([self._memory[i] for i in np.flatnonzero(inside)])
        for stage, restarting in self._restarting:
            own = self._told.heads_of(stage)
            for side, heads in self._told.sides_of(stage).items():
                chosen = restarting[step, heads.start - own.start : heads.stop - own.start]
                if chosen.any():
                    pins[side] = chosen[:, None], np.array(stage.after_zero)
        return pins

    def _memory_of(self, edits: Sequence[tuple[int | None, Array]]) -> Where:
        """The memory that slots and their values make, later ones over earlier ones."""
        where = np.zeros((self._slots, 1), np.bool_)
        pin = np.zeros((self._slots, self._told.memory_width))
        whole = [number for number, (slot, _) in enumerate(edits) if slot is None]
        for slot, value in edits[whole[-1] if whole else 0 :]:
            rows = slice(None) if slot is None else slot
            where[rows], pin[rows] = True, value
        return where, pin

    def _gather(self, stage: Stage, items: Sequence[Item]) -> _Stage | None:
        items = [item for item in items if item.value(stage.name) is not None]
        if not items:
            return None
        heads = self._told.heads_of(stage)
        which = np.full((self.steps, len(heads)), -1, np.int32)
        for number, item in enumerate(items):
            assert item.head is not None  # it has been checked
            which[item.start : item.stop, item.head - heads.start] = number
        return _Stage(which, [self._value(item.value(stage.name)) for item in items])

    @cached_property
    def _zero(self) -> Array:
        return np.zeros(self._slots)

    @cached_property
    def _uniform(self) -> Array:
        return np.full(self._slots, 1 / self._slots)

    def _value(self, told: float | str | list[float]) -> Array:
        """An array of its own for numbers; words share one, however many items say them."""
        match told:
            case "zero":
                return self._zero
            case "uniform":
                return self._uniform
            case _:
                return np.atleast_1d(np.array(told, np.float64))

    def _find_restarts(self) -> list[tuple[Stage, Flags]]:
        """For stages that cannot go on from zero, [T, heads]: the steps before which they should.

        There a head's last weighting was set to zero, and this step's is not set.
        """
        found = []
        for stage in self._told.pinnable:
            pinned = self._stages.get(stage.name)
            if stage.after_zero is None or pinned is None:
                continue
            known = {id(value): not value.any() for value in pinned.values}
            zero = np.array([known[id(value)] for value in pinned.values] + [False])  # -1 is last
            restarting = np.zeros(pinned.which.shape, np.bool_)
            restarting[1:] = zero[pinned.which[:-1]] & (pinned.which[1:] < 0)
            found.append((stage, restarting))
        return found


def bytes_to_resolve(interventions: Any, told: Signature, steps: int, slots: int) -> int:
    """About the most bytes that `resolve` takes for JSON values, whatever is wrong with them.

    Args:
        interventions: as `parse` takes it
        told: the model's signature
        steps: T
        slots: N
    """
    if not isinstance(interventions, list | tuple):
        return 0
    changes = [
        item["set"]
        for item in interventions
        if isinstance(item, Mapping) and isinstance(item.get("set"), Mapping)
    ]
    numbers = sum(numbers_in(value) for each in changes for value in each.values())
    named = {name for each in changes for name in each}
    heads = sum(len(told.heads_of(stage)) for stage in told.pinnable if stage.name in named)
    return (
        PER_ITEM * len(interventions)
        + PER_NUMBER * numbers
        + PER_SLOT * slots
        + steps * (PER_STEP + PER_STEP_AND_HEAD * heads)
    )


def numbers_in(value: Any) -> int:
    """How many numbers a value of JSON has, at least; of rows, as many as they are long."""
    if not isinstance(value, list):
        return 1
    return sum(len(row) if isinstance(row, list) else 1 for row in value)


def resolve(interventions: Any, told: Signature, steps: int, slots: int) -> Edits:
    """Check a list against a model and a sequence, and make it ready to run.

    Args:
        interventions: as `parse` takes it
        told: the model's signature
        steps: T
        slots: N
    Raises:
        InterventionError: an item has another form or does not fit; the message names it
    """
    parsed = parse(interventions, told)
    items = [place(number, item, told, steps) for number, item in enumerate(parsed)]
    for item in items:
        check(item, told, slots)
    return Edits(items, told, steps, slots)
