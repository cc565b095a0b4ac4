"""Findings: rules that detect unusual addressing, writes and memory in a run.

Each has a definition, thresholds, a measured value and the steps at which it is met.

A finding is no error: a copy that answers does not read while it listens, and its read head is
diffuse then. It says where to look.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntm.insight.arrays import Array, Tensors, listing, needed, ranges
from ntm.insight.measures import (
    Vector,
    at_peak,
    effective_slots,
    mean_cosine,
    moved,
    peak_distance,
)
from ntm.insight.rules import focus_rules, stage_rules
from ntm.insight.thresholds import Thresholds
from ntm.insight.writes import Fates

DEFINITIONS = {
    "diffuse_focus": "the weighting is spread over several slots, by exp(entropy)",
    "frozen_head": "a focused weighting hardly moves, and its peak stays on one slot",
    "jumping_head": "the peak of a focused weighting goes further in one step than some slots",
    "saturated_gate": "the interpolation gate sits at 0, or at 1, for much of the run",
    "uniform_content": "the content weighting tells no slots apart, and the gate lets it in",
    "write_never_read": "no read head looks at the slot of a write before the run ends",
    "overwritten_before_read": "later erases take a write away before a read head looks at it",
    "slots_alike": "the slots that have been written point the same way, so that content "
    "addressing cannot tell them apart",
    "undershoot": "the shifted weighting has little on the slot where it is largest, and only "
    "sharpening puts the focus there",
}
STAGES = ("gate", "content_weighting", "shifted_weighting")
NEEDED = (
    "read_weightings",
    "write_weightings",
    *(f"addressing.{kind}.{stage}" for kind in ("read", "write") for stage in STAGES),
    "writes.erase",
    "writes.add",
    "memory",
)


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
        return DEFINITIONS[self.slug]


class Examination:
    """Looks at a run, stretch after stretch, and keeps a few numbers of every step."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self._series: dict[str, list[NDArray[np.float64]]] = {}
        self._before: dict[str, Array] = {}
        self._touched: Array | None = None  # [N], the most that a write head ever looked at a slot
        self._fates: Fates | None = None
        self._heads = {"read": 0, "write": 0}

    def take(self, tensors: Tensors) -> None:
        """Look at the next stretch of steps, [K, ...] by the names of a trace.

        Raises:
            ValueError: an array is missing
        """
        needed(tensors, NEEDED, "findings")
        for kind in self._heads:
            self._take_heads(kind, tensors)
        self._take_memory(tensors["memory"], tensors["write_weightings"])
        if self._fates is None:
            self._fates = Fates(tensors["memory"].shape[1], self.thresholds)
        self._fates.take(
            tensors["read_weightings"],
            tensors["write_weightings"],
            tensors["writes.erase"],
            tensors["writes.add"],
        )

    def finish(self) -> list[Finding]:
        """All findings."""
        if self._fates is None:
            return []
        series = {name: np.concatenate(parts) for name, parts in self._series.items()}
        found: list[Finding] = []
        for kind, heads in self._heads.items():
            for head in range(heads):
                own = {
                    name.removeprefix(f"{kind}."): values[:, head]
                    for name, values in series.items()
                    if name.startswith(f"{kind}.")
                }
                found += of_head(f"{kind}.{head}", own, self._fates.slots, self.thresholds)
        found += of_writes(self._fates, self._heads["write"], self.thresholds)
        found += of_memory(series["alike"], series["written"], self.thresholds)
        return found

    def _take_heads(self, kind: str, tensors: Tensors) -> None:
        """Keep a few numbers of each head, [K, H] each."""
        w = tensors[f"{kind}_weightings"]
        gate, content, shifted = (tensors[f"addressing.{kind}.{stage}"] for stage in STAGES)
        self._heads[kind] = w.shape[1]
        earlier = np.concatenate([self._before.get(kind, w[:1]), w[:-1]])
        first = kind not in self._before  # where the head was before is not known
        self._before[kind] = w[-1:].copy()
        distance = peak_distance(w, earlier).astype(np.float64)
        movement, peak_before = moved(w, earlier), earlier.max(axis=-1).astype(np.float64)
        if first:
            movement[0] = np.nan
        for name, values in {
            "slots": effective_slots(w),
            "peak": w.max(axis=-1).astype(np.float64),
            "peak_before": peak_before,
            "moved": movement,
            "distance": distance,
            "gate": gate.astype(np.float64),
            "evenness": effective_slots(content) / w.shape[-1],
            "unsharpened": at_peak(shifted, w),
            "unsharpened_most": shifted.max(axis=-1).astype(np.float64),
        }.items():
            self._series.setdefault(f"{kind}.{name}", []).append(values)

    def _take_memory(self, memory: Array, written: Array) -> None:
        """Keep how alike the slots are that were written before each step's reads."""
        most = written.max(axis=1)
        start = np.zeros_like(most[:1]) if self._touched is None else self._touched[None]
        touched = np.maximum.accumulate(np.concatenate([start, most]), axis=0)
        self._touched = touched[-1]
        chosen = touched[:-1] >= self.thresholds.written_weight
        self._series.setdefault("alike", []).append(mean_cosine(memory, chosen))
        self._series.setdefault("written", []).append(chosen.sum(axis=-1).astype(np.float64))


def findings(tensors: Tensors, thresholds: Thresholds | None = None) -> list[Finding]:
    """What is odd about a whole run.

    Args:
        tensors: arrays of a trace by name: read_weightings, write_weightings, memory, writes.erase,
            writes.add, and of addressing.read and addressing.write gate, content_weighting and
            shifted_weighting; all [T, ...]
        thresholds: their defaults by default
    Raises:
        ValueError: an array is missing
    """
    examination = Examination(thresholds)
    examination.take(tensors)
    return examination.finish()


def of_head(
    head: str, series: dict[str, Vector], slots: int, thresholds: Thresholds
) -> Iterator[Finding]:
    """What is odd about a head's addressing.

    Args:
        head: its name
        series: what was measured of every step, [T] by name
        slots: N
        thresholds: of the rules
    """
    for rule in (*focus_rules(series, thresholds), *stage_rules(series, slots, thresholds)):
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
