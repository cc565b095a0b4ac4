"""Checks of interventions against a model's stage table, a sequence's length and its slots."""

from dataclasses import dataclass
from typing import Any

from ntm.interventions.items import InterventionError
from ntm.signature import Signature, Stage

LARGEST_INPUT = 1e30
SUM_TOLERANCE = 1e-3  # of what should sum to 1, as float32 may have rounded it


@dataclass(frozen=True)
class Item:
    """One intervention with its place: its number in the list, the steps it covers."""

    number: int
    start: int
    stop: int
    head: int | None  # read heads first
    slot: int | None
    changes: Any  # see `items.form_of`

    def wrong(self, field: str, problem: str) -> InterventionError:
        """The error about a field of this item."""
        return InterventionError(f"interventions[{self.number}].{field} {problem}")

    def value(self, name: str) -> Any:
        """What a field is set to; None where it is not."""
        return getattr(self.changes, name)


def place(number: int, item: Any, told: Signature, steps: int) -> Item:
    """An item with its place in the sequence and among the heads.

    Raises:
        InterventionError: it has none there
    """
    start, stop = _span(number, item.steps, steps)
    known = [f"read.{i}" for i in range(told.read_heads)]
    known += [f"write.{i}" for i in range(told.write_heads)]
    if item.head is not None and not known:
        raise InterventionError(f"interventions[{number}].head: this model has no heads")
    if item.head is not None and item.head not in known:
        raise InterventionError(
            f"interventions[{number}].head should be one of {', '.join(known)}, "
            f"got '{item.head:.40}'"
        )
    head = None if item.head is None else known.index(item.head)
    return Item(number, start, stop, head, item.slot, item.set)


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


def check(item: Item, told: Signature, slots: int) -> None:
    """Whether an item's values fit the model, and its head and slot its values.

    Raises:
        InterventionError
    """
    stages = {stage.name: stage for stage in told.pinnable}
    fields = [*stages, *(["memory"] if told.has_memory else []), "input"]
    if item.value("memory") is not None and not told.has_memory:
        raise item.wrong("set.memory", "is not there: this model has no memory")
    changed = {name for name in fields if item.value(name) is not None}
    staged = sorted(changed & stages.keys())
    if not changed:
        raise item.wrong("set", f"should have one of {', '.join(fields)}")
    if staged and item.head is None:
        raise item.wrong("head", f"is missing: set.{staged[0]} is of a head")
    if item.head is not None and not staged:
        raise item.wrong("head", f"should go with one of {', '.join(stages)} in set")
    for name in staged:
        if item.head not in told.heads_of(stages[name]):
            owner = stages[name].owner
            raise item.wrong("head", f"should be a {owner} head, which alone has set.{name}")
    if item.slot is not None and "memory" not in changed:
        raise item.wrong("slot", "should go with memory in set")
    for name in staged:
        if isinstance(item.value(name), list):
            _check_numbers(item, stages[name], slots)
    if item.value("input") is not None:
        _check_input(item, told.input_size)
    if item.value("memory") is not None:
        _check_memory(item, item.value("memory"), slots, told.memory_width)


def _check_length(item: Item, name: str, length: int) -> None:
    if len(item.value(name)) != length:
        raise item.wrong(
            f"set.{name}", f"should have {length} numbers, got {len(item.value(name))}"
        )


def _check_numbers(item: Item, stage: Stage, slots: int) -> None:
    """A stage's length, and its sum where that matters."""
    value = item.value(stage.name)
    _check_length(item, stage.name, stage.size(slots))
    total = sum(value)
    if abs(total - 1) <= SUM_TOLERANCE:
        return
    if stage.kind == "distribution":
        raise item.wrong(f"set.{stage.name}", f"should sum to 1, got {total:g}")
    if stage.kind == "weighting" and any(value):
        raise item.wrong(f"set.{stage.name}", f"should sum to 1 or be all zero, got {total:g}")


def _check_input(item: Item, width: int) -> None:
    """The length and the size of an input."""
    _check_length(item, "input", width)
    if max(map(abs, item.value("input"))) > LARGEST_INPUT:
        raise item.wrong("set.input", f"should be at most {LARGEST_INPUT:g} in size")


def _check_memory(item: Item, memory: float | list[Any], slots: int, width: int) -> None:
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
