"""How far two runs are from each other, stage by stage, and where they part.

Runs of different lengths are compared over the steps that both have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ntm.insight.arrays import Tensors
from ntm.measures.stretches import ranges
from ntm.signature import SIDES

Seen = Literal["before", "after"]

# In the order in which a step computes them, so that the first to part is the first cause: where
# reads see the memory before the step's writes, and where they see it after them.
ORDERS: dict[Seen, tuple[tuple[str, ...], ...]] = {
    "before": (
        ("inputs",), ("memory",), ("controller",), ("addressing",), SIDES, ("writes",), ("reads",),
        ("outputs",),
    ),
    "after": (
        ("inputs",), ("controller",), ("addressing.write",), SIDES[1:], ("writes",), ("memory",),
        ("addressing.read",), SIDES[:1], ("reads",), ("outputs",),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class StageDifference:
    """One stage of two runs."""

    stage: str  # its name in a trace
    maximum: float  # of |A - B|
    mean: float  # of |A - B|, over all steps and elements
    maximum_step: int | None  # where the maximum is first met; None where there is no difference
    first_step: int | None  # the first one at which they differ by more than the tolerance


@dataclass(frozen=True)
class Difference:
    """Two runs, over the steps that both have."""

    steps: int
    tolerance: float
    first_step: int | None  # at which any stage parts
    first_stages: tuple[str, ...]  # that part there, in the order in which a step computes them
    stages: tuple[StageDifference, ...]
    changed_bits: int  # outputs on the other side of 0.5
    changed_steps: list[tuple[int, int]]  # stretches [a, b) of steps with such outputs


@dataclass
class _Sums:
    """What is known of a stage so far."""

    maximum: float = 0.0
    total: float = 0.0
    count: int = 0
    maximum_step: int | None = None
    first_step: int | None = None


class Comparison:
    """Two runs side by side, stretch after stretch."""

    def __init__(self, tolerance: float = 0.0, reads_see: Seen = "before") -> None:
        """Compare.

        Args:
            tolerance: what differs by no more than this counts as the same
            reads_see: the memory before the same step's writes, or after them
        """
        self._tolerance, self._reads_see, self._steps = tolerance, reads_see, 0
        self._sums: dict[str, _Sums] = {}
        self._changed: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []

    def add(self, left: Tensors, right: Tensors) -> None:
        """Take the next stretch: stages [K, ...] by name, those that both have.

        Raises:
            ValueError: a stage has another shape in one than in the other
        """
        names = common(left, right, self._reads_see)
        for name in names:
            if left[name].shape != right[name].shape:
                raise ValueError(
                    f"{name} should have one shape in both traces, got "
                    f"{list(left[name].shape)} and {list(right[name].shape)}"
                )
            self._compare(name, left, right)
        if "outputs" in names:
            bits = (left["outputs"] >= 0.5) != (right["outputs"] >= 0.5)
            self._changed.append(bits.sum(axis=1))
        self._steps += len(left[names[0]]) if names else 0

    def finish(self) -> Difference:
        """What came of it."""
        stages = [
            StageDifference(
                name, s.maximum, s.total / max(1, s.count), s.maximum_step, s.first_step
            )
            for name, s in self._sums.items()
        ]
        first = min((s.first_step for s in stages if s.first_step is not None), default=None)
        changed = np.concatenate([np.zeros(0, np.int64), *self._changed])
        return Difference(
            steps=self._steps,
            tolerance=self._tolerance,
            first_step=first,
            first_stages=tuple(
                s.stage for s in stages if first is not None and s.first_step == first
            ),
            stages=tuple(stages),
            changed_bits=int(changed.sum()),
            changed_steps=ranges(changed > 0),
        )

    def _compare(self, name: str, left: Tensors, right: Tensors) -> None:
        sums = self._sums.setdefault(name, _Sums())
        apart = np.abs(left[name].astype(np.float64) - right[name])
        rows = apart.reshape(len(apart), -1)
        largest = rows.max(axis=1, initial=0)
        sums.total += float(rows.sum())
        sums.count += rows.size
        if len(largest) and largest.max() > sums.maximum:
            sums.maximum = float(largest.max())
            sums.maximum_step = self._steps + int(largest.argmax())
        over = largest > self._tolerance
        if sums.first_step is None and over.any():
            sums.first_step = self._steps + int(over.argmax())


def difference(
    left: Tensors, right: Tensors, *, tolerance: float = 0.0, reads_see: Seen = "before"
) -> Difference:
    """Compare two whole runs.

    Args:
        left, right: arrays of a trace by name, [T, ...]; T may differ, compared is what both have
        tolerance: what counts as the same
        reads_see: the memory before the same step's writes, or after them
    Raises:
        ValueError: a stage has another shape in one than in the other
    """
    shared = common(left, right, reads_see)
    steps = min((len(run[name]) for run in (left, right) for name in shared), default=0)
    comparison = Comparison(tolerance, reads_see)
    comparison.add(*({name: run[name][:steps] for name in shared} for run in (left, right)))
    return comparison.finish()


def common(left: Tensors, right: Tensors, reads_see: Seen = "before") -> Sequence[str]:
    """The stages that both runs have, in the order in which a step computes them."""
    ranks = {prefix: rank for rank, prefixes in enumerate(ORDERS[reads_see]) for prefix in prefixes}
    shared = [name for name in left if name in right and _rank_of(name, ranks) is not None]
    places = {name: place for place, name in enumerate(shared)}

    def order(name: str) -> tuple[int, int]:
        """By group; both kinds of head, stage by stage."""
        group, head, stage = (*name.split("."), "", "")[:3]
        first = f"{group}.read.{stage}" if head == "write" else name
        return _rank_of(name, ranks) or 0, places.get(first, places[name])

    return sorted(shared, key=order)


def _rank_of(name: str, ranks: Mapping[str, int]) -> int | None:
    """Where a trace's array comes, by its name or what that begins with."""
    group, _, rest = name.partition(".")
    known = (name, f"{group}.{rest.partition('.')[0]}", group)
    return next((ranks[prefix] for prefix in known if prefix in ranks), None)
