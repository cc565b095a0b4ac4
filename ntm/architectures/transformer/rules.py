"""Rules about attention: diluted as the sequence grows, at a fixed distance, an induction head."""

from collections.abc import Iterator, Mapping

import numpy as np

from ntm.measures.rules import Rule, Series, longest
from ntm.measures.stretches import Flags, long_enough
from ntm.measures.thresholds import Thresholds
from ntm.measures.weightings import Array, Vector

FEWEST = 8  # steps that have been seen, from which on growth is measured


class StageRules:
    """See `ntm.measures.rules.StageRules`."""

    stages = ("query",)
    definitions: Mapping[str, str] = {
        "diluted_attention": "attention spreads over more slots the more there are: exp(entropy) "
        "grows as a power of the steps so far",
        "fixed_offset": "a head looks at the step that is a fixed number of steps ago, such as the "
        "last one, whatever the steps hold",
        "induction_head": "the focus walks step by step through what came earlier, as that of a "
        "head which finds where the last steps came before and looks at what followed them "
        "(Olsson et al. 2022)",
    }

    def measure(self, stages: Mapping[str, Array], weighting: Array) -> dict[str, Vector]:
        """The slot of the peak; a step's own slot has its number."""
        return {"peak_slot": weighting.argmax(axis=-1).astype(np.float64)}

    def rules(self, series: Series, slots: int, limits: Thresholds) -> Iterator[Rule]:
        """What a head's attention does over the run."""
        growth = growth_of(series["slots"])
        spread = series["slots"] > limits.diffuse_slots
        yield Rule(
            "diluted_attention",
            spread if growth >= limits.diluted_growth else np.zeros_like(spread),
            limits.diluted_steps,
            lambda flags: growth,
            "{head} is diluted as the sequence grows: its effective slots are as the steps so far "
            "to the power of {value:.2f}, {at}.",
            ("diluted_growth", "diluted_steps", "diffuse_slots"),
        )
        offset = np.arange(len(series["peak"])) - series["peak_slot"]
        focused: Flags = series["peak"] >= limits.focused
        usual, flags = usual_offset(offset, focused)
        enough = flags.mean() >= limits.fixed_share if len(flags) else False
        words = {0: "its own step", 1: "the last step"}.get(usual, f"the step {usual} steps ago")
        yield Rule(
            "fixed_offset",
            flags if enough else np.zeros_like(flags),
            limits.fixed_steps,
            lambda flags: float(usual),
            f"{{head}} only looks at {words} {{at}}.",
            ("fixed_share", "fixed_steps", "focused"),
        )
        walking = np.zeros_like(focused)
        same = (np.diff(offset) == 0) & focused[1:] & focused[:-1]
        walking[1:], walking[:-1] = same, same | walking[:-1]
        walking &= (offset >= limits.induction_offset) & (not enough)
        yield Rule(
            "induction_head",
            long_enough(walking, limits.induction_steps),
            1,
            longest,
            "{head} walks through earlier steps one by one, as an induction head, for up to "
            "{value:.0f} steps {at}.",
            ("induction_offset", "induction_steps", "focused"),
        )


def growth_of(effective: Vector) -> float:
    """The power of the steps so far that effective slots [T] grow as, by least squares of logs."""
    seen = np.arange(1, len(effective) + 1)
    chosen = seen >= FEWEST
    if chosen.sum() < 2:
        return 0.0
    slope, _ = np.polyfit(np.log(seen[chosen]), np.log(np.maximum(effective[chosen], 1.0)), 1)
    return float(slope)


def usual_offset(offset: Vector, focused: Flags) -> tuple[int, Flags]:
    """The commonest distance of a focused peak, and where it is met."""
    if not focused.any():
        return 0, focused
    values, counts = np.unique(offset[focused], return_counts=True)
    usual = int(values[counts.argmax()])
    return usual, focused & (offset == usual)
