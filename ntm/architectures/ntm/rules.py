"""Rules about a head that moves by content, gate, shift and sharpening (Eq. 5 to 9)."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from ntm.measures.rules import Rule, Series, largest, share, smallest
from ntm.measures.stretches import long_enough
from ntm.measures.thresholds import Thresholds
from ntm.measures.weightings import Array, Vector, at_peak, effective_slots


class StageRules:
    """See `ntm.measures.rules.StageRules`."""

    stages = ("gate", "content_weighting", "shifted_weighting")
    definitions: Mapping[str, str] = {
        "jumping_head": "the peak of a focused weighting goes further in one step than some slots",
        "saturated_gate": "the interpolation gate sits at 0, or at 1, for much of the run",
        "uniform_content": "the content weighting tells no slots apart, and the gate lets it in",
        "undershoot": "the shifted weighting has little on the slot where it is largest, and only "
        "sharpening puts the focus there",
    }

    def measure(self, stages: Mapping[str, Array], weighting: Array) -> dict[str, Vector]:
        """Gate, evenness of the content match, and what sharpening starts from."""
        shifted = stages["shifted_weighting"]
        return {
            "gate": stages["gate"].astype(np.float64),
            "evenness": effective_slots(stages["content_weighting"]) / weighting.shape[-1],
            "unsharpened": at_peak(shifted, weighting),
            "unsharpened_most": shifted.max(axis=-1).astype(np.float64),
        }

    def rules(self, series: Series, slots: int, limits: Thresholds) -> Iterator[Rule]:
        """Jumps, and the rules about gate, content match and sharpening."""
        yield from jump_rules(series, limits)
        yield from addressing_rules(series, slots, limits)


def jump_rules(series: Series, limits: Thresholds) -> Iterator[Rule]:
    """The rule about a head that is to move by its shifts."""
    focused = series["peak"] >= limits.focused
    was_focused = series["peak_before"] >= limits.focused
    yield Rule(
        "jumping_head",
        focused & was_focused & (series["distance"] > limits.jumping_slots),
        limits.jumping_times,
        partial(largest, series["distance"]),
        "{head} jumps {steps} times, by up to {value:.0f} slots, {at}.",
        ("jumping_slots", "jumping_times", "focused"),
    )


def addressing_rules(series: Series, slots: int, limits: Thresholds) -> Iterator[Rule]:
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
