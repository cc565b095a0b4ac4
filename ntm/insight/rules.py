"""Rules that detect unusual addressing of a head: focus, movement, gate, content, sharpening."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ntm.insight.arrays import Flags, ranges
from ntm.insight.measures import Vector
from ntm.insight.thresholds import Thresholds


@dataclass(frozen=True)
class Rule:
    """One oddity of a head's addressing, as a row of the table of rules."""

    slug: str
    flags: Flags  # [T], the steps at which it is met
    least: float  # steps that must be flagged; fewer are no finding
    measure: Callable[[Flags], float]  # the finding's value
    sentence: str  # with {head}, {slots}, {value}, {steps} flagged and where, {at}
    thresholds: tuple[str, ...]


def focus_rules(series: dict[str, Vector], limits: Thresholds) -> Iterator[Rule]:
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
    was_focused = series["peak_before"] >= limits.focused
    yield Rule(
        "jumping_head",
        focused & was_focused & (series["distance"] > limits.jumping_slots),
        limits.jumping_times,
        partial(largest, series["distance"]),
        "{head} jumps {steps} times, by up to {value:.0f} slots, {at}.",
        ("jumping_slots", "jumping_times", "focused"),
    )


def stage_rules(series: dict[str, Vector], slots: int, limits: Thresholds) -> Iterator[Rule]:
    """The rules about the stages that lead to w: gate, content match, sharpening."""
    steps = len(series["gate"])
    for side, effect in ((0, "keeps its last weighting"), (1, "takes the content weighting alone")):
        flags = np.abs(series["gate"] - side) <= limits.saturated_margin
        yield Rule(
            "saturated_gate",
            flags if flags.mean() >= limits.saturated_share else np.zeros(steps, np.bool_),
            1,
            share,
            f"{{head}} {effect} (its gate is at {side}) at {{value:.0%}} of all steps, {{at}}.",
            ("saturated_margin", "saturated_share"),
        )
    even = series["evenness"] > limits.uniform_evenness
    let_in = series["gate"] >= limits.uniform_gate
    yield Rule(
        "uniform_content",
        long_enough(even & let_in & (slots > 1), limits.uniform_steps),
        1,
        partial(largest, series["evenness"]),
        "The content match of {head} is spread over up to {value:.1%} of all slots, and its gate "
        "lets it in, {at}.",
        ("uniform_evenness", "uniform_gate", "uniform_steps"),
    )
    # Sharpening leaves the largest slot the largest; a weighting that was set may be elsewhere.
    sharpened = series["unsharpened"] >= series["unsharpened_most"]
    weak = series["unsharpened"] < limits.undershoot_peak
    yield Rule(
        "undershoot",
        sharpened & weak & (series["peak"] >= limits.undershoot_restored),
        limits.undershoot_times,
        partial(smallest, series["unsharpened"]),
        "Before sharpening, {head} has as little as {value:.2f} on the slot that it ends up on "
        "{at}.",
        ("undershoot_peak", "undershoot_restored", "undershoot_times"),
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


def long_enough(flags: Flags, steps: int) -> Flags:
    """The flags [T] without the stretches that are shorter."""
    long = np.zeros_like(flags)
    for start, stop in ranges(flags):
        long[start:stop] = stop - start >= steps
    return long
