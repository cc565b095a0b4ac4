"""What a list of interventions means for one model, one length and one N: arrays, step by step.

The library, the service and the command line all run a sequence with these: inputs are changed
before it starts, the state between two steps, the stages inside a step (where pinned, the pin is
used). What the list looks like is in interventions.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm.interventions.items import Changes, Intervention, InterventionError, parse
from ntm.signature import Signature

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Where = tuple[Flags, Array]  # where pinned, and to what

STAGES = ("key", "key_strength", "gate", "shift", "sharpening", "weighting", "erase", "add")
WRITTEN = ("erase", "add")  # stages that only write heads have
LARGEST_INPUT = 1e30
SUM_TOLERANCE = 1e-3  # of what should sum to 1, as float32 may have rounded it

# A head whose weighting is zero and whose gate keeps all of it has nothing to sharpen: Eq. 9 would
# be 0 / 0. It goes on from this on every slot, which adds nothing and sharpens to uniform.
FAINT = 1e-20


@dataclass(frozen=True)
class _Item:
    """One intervention with its place: its number in the list, the steps it covers."""

    number: int
    start: int
    stop: int
    head: int | None  # read heads first
    slot: int | None
    changes: Changes

    def wrong(self, field: str, problem: str) -> InterventionError:
        """The error about a field of this item."""
        return InterventionError(f"interventions[{self.number}].{field} {problem}")


@dataclass(frozen=True)
class _Stage:
    """The pins of one stage: which of `values` holds at each step for each head, or -1."""

    which: NDArray[np.int32]  # [T, heads]
    values: list[Array]  # [width] each


class Edits:
    """The changes of one run of T steps with N slots."""

    def __init__(self, items: Sequence[_Item], told: Signature, steps: int, slots: int) -> None:
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
            name: stage for name in STAGES if (stage := self._gather(name, items)) is not None
        }
        self.pinned: Flags = np.zeros(steps, np.bool_)  # [T], where any stage is
        for stage in self._stages.values():
            self.pinned[(stage.which >= 0).any(axis=1)] = True
        self._restarting = self._find_restarts()  # [T, H]
        self.changes_state: Flags = np.zeros(steps, np.bool_)  # [T], before which steps
        self.changes_state[self._restarting.any(axis=1)] = True
        for start, stop in self._spans:
            self.changes_state[start:stop] = True

    @property
    def nbytes(self) -> int:
        """Bytes of all values and of where they hold; those that are shared count once."""
        stages = self._stages.values()
        arrays = [self.pinned, self.changes_state, self._restarting, self._spans]
        arrays += [row for _, row in self.inputs] + [value for _, value in self._memory]
        arrays += [stage.which for stage in stages]
        arrays += [value for stage in stages for value in stage.values]
        return sum({id(array): array.nbytes for array in arrays}.values())

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
        reads = self._told.read_heads
        heads = self._restarting[step]
        for name, chosen in (("read", heads[:reads]), ("write", heads[reads:])):
            if chosen.any():
                pins[f"{name}_weightings"] = chosen[:, None], np.array(FAINT)
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

    def _gather(self, name: str, items: Sequence[_Item]) -> _Stage | None:
        items = [item for item in items if getattr(item.changes, name) is not None]
        if not items:
            return None
        heads = self._told.write_heads if name in WRITTEN else self._told.heads
        first = self._told.read_heads if name in WRITTEN else 0
        which = np.full((self.steps, heads), -1, np.int32)
        for number, item in enumerate(items):
            assert item.head is not None  # it has been checked
            which[item.start : item.stop, item.head - first] = number
        return _Stage(which, [self._value(getattr(item.changes, name)) for item in items])

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

    def _find_restarts(self) -> Flags:
        """[T, H]: the steps before which a head's weighting is zero, and which use it."""
        found = np.zeros((self.steps, self._told.heads), np.bool_)
        stage = self._stages.get("weighting")
        if stage is not None:
            known = {id(value): not value.any() for value in stage.values}
            zero = np.array([known[id(value)] for value in stage.values] + [False])  # -1 is last
            found[1:] = zero[stage.which[:-1]] & (stage.which[1:] < 0)
        return found


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
    items = [_place(number, item, told, steps) for number, item in enumerate(parse(interventions))]
    for item in items:
        _check(item, told, slots)
    return Edits(items, told, steps, slots)


def _place(number: int, item: Intervention, told: Signature, steps: int) -> _Item:
    start, stop = _span(number, item.steps, steps)
    known = [f"read.{i}" for i in range(told.read_heads)]
    known += [f"write.{i}" for i in range(told.write_heads)]
    if item.head is not None and item.head not in known:
        raise InterventionError(
            f"interventions[{number}].head should be one of {', '.join(known)}, "
            f"got '{item.head:.40}'"
        )
    head = None if item.head is None else known.index(item.head)
    return _Item(number, start, stop, head, item.slot, item.set)


def _span(number: int, asked: int | str, steps: int) -> tuple[int, int]:
    """`20`, "20", `20:41`, `:41` as the steps from a to b, within the sequence."""
    first, colon, last = str(asked).partition(":")
    try:
        start = int(first) if first or not colon else 0
        stop = (int(last) if last else steps) if colon else start + 1
    except ValueError:
        start, stop = -1, -1
    if not 0 <= start < stop <= steps:
        raise InterventionError(
            f"interventions[{number}].steps should be a step below {steps}, or a:b with "
            f"0 <= a < b <= {steps}, got '{asked!s:.40}'"
        )
    return start, stop


def _check(item: _Item, told: Signature, slots: int) -> None:
    """Whether an item's values fit the model, and its head and slot its values.

    Raises:
        InterventionError
    """
    changes = item.changes
    given = {name for name in Changes.model_fields if getattr(changes, name) is not None}
    staged = sorted(given & set(STAGES))
    if not given:
        raise item.wrong("set", f"should have one of {', '.join(Changes.model_fields)}")
    if staged and item.head is None:
        raise item.wrong("head", f"is missing: set.{staged[0]} is of a head")
    if item.head is not None and not staged:
        raise item.wrong("head", f"should go with one of {', '.join(STAGES)} in set")
    if item.head is not None and item.head < told.read_heads:
        for name in sorted(given & set(WRITTEN)):
            raise item.wrong("head", f"should be a write head, which alone has set.{name}")
    if item.slot is not None and "memory" not in given:
        raise item.wrong("slot", "should go with memory in set")
    width = told.memory_width
    lengths = {"key": width, "erase": width, "add": width}
    lengths |= {"shift": len(told.shifts), "weighting": slots, "input": told.input_size}
    for name, length in lengths.items():
        value = getattr(changes, name)
        if isinstance(value, list):
            _check_numbers(item, name, value, length)
    if changes.memory is not None:
        _check_memory(item, changes.memory, slots, width)


def _check_numbers(item: _Item, name: str, value: list[float], length: int) -> None:
    """A vector's length, and its sum or size where that matters."""
    if len(value) != length:
        raise item.wrong(f"set.{name}", f"should have {length} numbers, got {len(value)}")
    total = sum(value)
    if name == "shift" and abs(total - 1) > SUM_TOLERANCE:
        raise item.wrong("set.shift", f"should sum to 1, got {total:g}")
    if name == "weighting" and any(value) and abs(total - 1) > SUM_TOLERANCE:
        raise item.wrong("set.weighting", f"should sum to 1 or be all zero, got {total:g}")
    if name == "input" and max(map(abs, value)) > LARGEST_INPUT:
        raise item.wrong("set.input", f"should be at most {LARGEST_INPUT:g} in size")


def _check_memory(item: _Item, memory: float | list[Any], slots: int, width: int) -> None:
    """The shape of a memory or of one slot of it."""
    if item.slot is not None and item.slot >= slots:
        raise item.wrong("slot", f"should be below {slots}, the number of slots, got {item.slot}")
    if not isinstance(memory, list):
        return
    rows = [row for row in memory if isinstance(row, list)]
    if item.slot is not None:
        if rows or len(memory) != width:
            raise item.wrong(
                "set.memory", f"should be a number or {width} numbers, got {len(memory)} items"
            )
    elif len(rows) != slots or any(len(row) != width for row in rows):
        raise item.wrong(
            "set.memory",
            f"should be a number or {slots} rows of {width} numbers (or name a slot), "
            f"got {len(memory)} items",
        )
