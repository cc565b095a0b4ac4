"""Findings: unusual addressing, writes and memory in a run, from what was measured of every step.

Each has a definition, thresholds, a measured value and the steps at which it is met.

A finding is no error: a copy that answers does not read while it listens, and its read head is
diffuse then. It says where to look.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ntm.architectures import catalogue
from ntm.insight.writes import Fates
from ntm.measures.rules import Series, StageRules, focus_rules
from ntm.measures.stretches import listing, ranges
from ntm.measures.thresholds import Thresholds
from ntm.measures.weightings import Vector

GENERAL = {
    "diffuse_focus": "the weighting is spread over several slots, by exp(entropy)",
    "frozen_head": "a focused weighting hardly moves, and its peak stays on one slot",
    "write_never_read": "no read head looks at the slot of a write before the run ends",
    "overwritten_before_read": "later erases take a write away before a read head looks at it",
    "slots_alike": "the slots that have been written point the same way, so that content "
    "addressing cannot tell them apart",
}


def stage_rules() -> list[StageRules]:
    """The rules that architectures add about their stages."""
    return [one.stage_rules for one in catalogue.known() if one.stage_rules is not None]


def definitions() -> dict[str, str]:
    """All that is looked for, by slug: in any run, and about the stages of some."""
    found = dict(GENERAL)
    for rules in stage_rules():
        found |= rules.definitions
    return found


@dataclass(frozen=True)
class Finding:
    """One oddity of one head, or of the memory."""

    slug: str
    head: str | None  # read.0, write.0, ...; None for the memory
    value: float  # measured; the sentence has it
    steps: list[tuple[int, int]]  # stretches [a, b)
    sentence: str
    thresholds: dict[str, float]

    @property
    def definition(self) -> str:
        """What the slug means."""
        return definitions()[self.slug]


def of_head(
    head: str, series: Series, slots: int, thresholds: Thresholds, added: Sequence[StageRules] = ()
) -> Iterator[Finding]:
    """What is odd about a head's addressing.

    Args:
        head: its name
        series: what was measured of every step, [T] by name
        slots: N
        thresholds: of the rules
        added: the rules of architectures whose stages the head has
    """
    found = [rule for rules in added for rule in rules.rules(series, slots, thresholds)]
    for rule in (*focus_rules(series, thresholds), *found):
        steps = int(rule.flags.sum())
        if steps == 0 or steps < rule.least:
            continue
        stretches, value = ranges(rule.flags), rule.measure(rule.flags)
        at = where(stretches)
        sentence = rule.sentence.format(head=head, slots=slots, value=value, steps=steps, at=at)
        used = {name: float(getattr(thresholds, name)) for name in rule.thresholds}
        yield Finding(rule.slug, head, value, stretches, sentence, used)


def of_writes(fates: Fates, heads: int, thresholds: Thresholds) -> Iterator[Finding]:
    """Writes that nobody read, by head."""
    names = ("written_weight", "written_add", "read_weight")
    used = {name: float(getattr(thresholds, name)) for name in names}
    for head in range(heads):
        lost = sorted(write.step for write in fates.never_read if write.head == head)
        if lost:
            at = stretches_of(lost)
            sentence = f"Never read: {count(lost)} of write.{head} {where(at)}."
            yield Finding("write_never_read", f"write.{head}", len(lost), at, sentence, used)
        gone = sorted(write.step for write, _ in fates.overwritten if write.head == head)
        if gone:
            at = stretches_of(gone)
            sentence = f"Erased before it was read: {count(gone)} of write.{head} {where(at)}."
            limits = used | {"overwritten_kept": thresholds.overwritten_kept}
            slug = "overwritten_before_read"
            yield Finding(slug, f"write.{head}", len(gone), at, sentence, limits)


def of_memory(alike: Vector, written: Vector, thresholds: Thresholds) -> Iterator[Finding]:
    """Whether the written slots grow alike.

    Args:
        alike: their mean cosine at every step [T]
        written: how many slots were written by every step [T]
        thresholds: of the rule
    """
    enough = written >= thresholds.alike_slots
    flags = enough & (alike > thresholds.alike_cosine)
    if not flags.any():
        return
    value, start = float(alike[flags].max()), int(enough.argmax())
    at = ranges(flags)
    sentence = (
        f"The written slots have a mean cosine of up to {value:.2f} {where(at)}; it was "
        f"{alike[start]:.2f} when {written[start]:.0f} were written."
    )
    used = {name: float(getattr(thresholds, name)) for name in ("alike_cosine", "alike_slots")}
    yield Finding("slots_alike", None, value, at, sentence, used)


def stretches_of(steps: list[int]) -> list[tuple[int, int]]:
    """Ascending step numbers as stretches [a, b)."""
    flags = np.zeros(steps[-1] + 1, np.bool_)
    flags[steps] = True
    return ranges(flags)


def count(writes: list[int]) -> str:
    """How many, in words."""
    return "1 write" if len(writes) == 1 else f"{len(writes)} writes"


def where(stretches: list[tuple[int, int]]) -> str:
    """Stretches as a sentence's end."""
    return f"at {listing(stretches)}"
