"""Rules that detect unusual addressing of a head, and those about its last weighting."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ntm.measures.stretches import Flags, long_enough, ranges
from ntm.measures.thresholds import Thresholds
from ntm.measures.weightings import Array, Vector

Series = Mapping[str, Vector]  # what was measured of every step [T], by name


@dataclass(frozen=True)
class Rule:
    """One oddity of a head's addressing, as a row of the table of rules."""

    slug: str
    flags: Flags  # [T], the steps at which it is met
    least: float  # steps that must be flagged; fewer are no finding
    measure: Callable[[Flags], float]  # the finding's value
    sentence: str  # with {head}, {slots}, {value}, {steps} flagged and where, {at}
    thresholds: tuple[str, ...]


class StageRules(Protocol):
    """The rules that an architecture adds about the stages of its heads."""

    stages: tuple[str, ...]  # of addressing, which a head has to have
    definitions: Mapping[str, str]  # of what is looked for, by slug

    def measure(self, stages: Mapping[str, Array], weighting: Array) -> dict[str, Vector]:
        """A few numbers of every step and head.

        Args:
            stages: [K, H, ...] by name
            weighting: the last one [K, H, N]
        Returns:
            [K, H] by name
        """
        ...

    def rules(self, series: Series, slots: int, limits: Thresholds) -> Iterator[Rule]:
        """The rules for one head.

        Args:
            series: of `measure` and of its weighting [T], by name
            slots: N
            limits: thresholds
        """
        ...


def focus_rules(series: Series, limits: Thresholds) -> Iterator[Rule]:
    """The rules about a head's weighting w."""
    focused: Flags = series["peak"] >= limits.focused
    yield Rule(
        "diffuse_focus",
        long_enough(series["slots"] > limits.diffuse_slots, limits.diffuse_steps),
        1,
        partial(largest, series["slots"]),
        "{head} spreads over as many as {value:.1f} of {slots} slots at once {at}.",
        ("diffuse_slots", "diffuse_steps"),
    )
    still = (series["moved"] <= limits.frozen_moved) & (series["distance"] == 0)
    yield Rule(
        "frozen_head",
        long_enough(focused & still, limits.frozen_steps),
        1,
        longest,
        "{head} stays on its slot for up to {value:.0f} steps {at}.",
        ("frozen_moved", "frozen_steps", "focused"),
    )


def largest(values: Vector, flags: Flags) -> float:
    """The largest of the flagged values [T]."""
    return float(values[flags].max())


def smallest(values: Vector, flags: Flags) -> float:
    """The smallest of the flagged values [T]."""
    return float(values[flags].min())


def longest(flags: Flags) -> float:
    """The steps of the longest stretch."""
    return float(max(stop - start for start, stop in ranges(flags)))


def share(flags: Flags) -> float:
    """The share of all steps that are flagged."""
    return float(flags.mean())
