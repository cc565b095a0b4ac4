"""The examination of a run for findings: a few numbers are kept of every step, for rules to judge.

What is examined follows from the arrays that there are: weightings, the memory, what is written,
and the stages that an architecture has rules about.
"""

from collections.abc import Collection
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ntm.insight.arrays import Array, Tensors
from ntm.insight.columns import writes_by_name
from ntm.insight.findings import Finding, of_head, of_memory, of_writes, stage_rules
from ntm.insight.provenance import WRITTEN
from ntm.insight.writes import Fates
from ntm.measures.rules import StageRules
from ntm.measures.thresholds import Thresholds
from ntm.measures.weightings import effective_slots, mean_cosine, moved, peak_distance
from ntm.signature import MEMORY, SIDES, Written

READ, WRITE = SIDES
Seen = Literal["before", "after"]


def examined(names: Collection[str], written: Written | None = WRITTEN) -> list[str]:
    """Of the arrays that a trace may have, those that findings are made from.

    Args:
        names: of all that there are
        written: the stages that are erased and added by a write, if that is how it writes
    """
    written = followed(written)
    wanted = [*SIDES, MEMORY, *(writes_by_name(written) if written else ())]
    for rules in stage_rules():
        for side in SIDES:
            stages = arrays_of(side, rules).values()
            wanted += stages if set(stages) <= set(names) else []
    return [name for name in dict.fromkeys(wanted) if name in names]


def followed(written: Written | None) -> Written | None:
    """How it writes where writes are followed: into a memory that all heads read."""
    return None if written is None or written.columns else written


def arrays_of(side: str, rules: StageRules) -> dict[str, str]:
    """The arrays of a trace that rules need of the heads of one side, by stage."""
    kind = side.removesuffix("_weightings")
    return {stage: f"addressing.{kind}.{stage}" for stage in rules.stages}


class Examination:
    """Looks at a run, stretch after stretch, and keeps a few numbers of every step."""

    def __init__(
        self,
        thresholds: Thresholds | None = None,
        written: Written | None = WRITTEN,
        reads_see: Seen = "before",
    ) -> None:
        """Look for what passes the thresholds.

        Args:
            thresholds: their defaults by default
            written: the stages that are erased and added by a write, if that is how it writes
            reads_see: the memory before the same step's writes, or after them
        """
        self.thresholds = thresholds or Thresholds()
        self._written, self._reads_see = followed(written), reads_see
        self._rules: dict[str, list[StageRules]] = {}  # that apply, by side
        self._series: dict[str, dict[str, list[NDArray[np.float64]]]] = {}  # by side and name
        self._of_memory: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._before: dict[str, Array] = {}
        self._touched: Array | None = None  # [N], the most that a write head ever looked at a slot
        self._fates: Fates | None = None
        self._slots = 0

    def take(self, tensors: Tensors) -> None:
        """Look at the next stretch of steps, [K, ...] by the names of a trace.

        Raises:
            ValueError: there is no weighting
        """
        sides = [side for side in SIDES if side in tensors]
        if not sides:
            raise ValueError(f"findings should get {' or '.join(SIDES)}, both are missing")
        self._slots = tensors[sides[0]].shape[-1]
        for side in sides:
            self._take_heads(side, tensors)
        if MEMORY in tensors and WRITE in tensors:
            self._take_memory(tensors[MEMORY], tensors[WRITE])
        writes = writes_by_name(self._written) if self._written else ()
        if writes and all(name in tensors for name in (READ, *writes)):
            if self._fates is None:
                self._fates = Fates(self._slots, self.thresholds, self._reads_see)
            self._fates.take(tensors[READ], *(tensors[name] for name in writes))

    def finish(self) -> list[Finding]:
        """All findings."""
        found: list[Finding] = []
        for side, parts in self._series.items():
            series = {name: np.concatenate(values) for name, values in parts.items()}
            for head in range(series["peak"].shape[1]):
                own = {name: values[:, head] for name, values in series.items()}
                name = f"{side.removesuffix('_weightings')}.{head}"
                found += of_head(name, own, self._slots, self.thresholds, self._rules[side])
        if self._fates is not None:
            heads = self._series[WRITE]["peak"][0].shape[1]
            found += of_writes(self._fates, heads, self.thresholds)
        if self._of_memory:
            alike, written = (np.concatenate(parts) for parts in zip(*self._of_memory, strict=True))
            found += of_memory(alike, written, self.thresholds)
        return found

    def _take_heads(self, side: str, tensors: Tensors) -> None:
        """Keep a few numbers of each head, [K, H] each."""
        w = tensors[side]
        earlier = np.concatenate([self._before.get(side, w[:1]), w[:-1]])
        movement = moved(w, earlier)
        if side not in self._before:  # where the head was before is not known
            movement[0] = np.nan
            self._rules[side] = [
                rules
                for rules in stage_rules()
                if all(name in tensors for name in arrays_of(side, rules).values())
            ]
        self._before[side] = w[-1:].copy()
        measured = {
            "slots": effective_slots(w),
            "peak": w.max(axis=-1).astype(np.float64),
            "peak_before": earlier.max(axis=-1).astype(np.float64),
            "moved": movement,
            "distance": peak_distance(w, earlier).astype(np.float64),
        }
        for rules in self._rules[side]:
            stages = {stage: tensors[name] for stage, name in arrays_of(side, rules).items()}
            measured |= rules.measure(stages, w)
        kept = self._series.setdefault(side, {})
        for name, values in measured.items():
            kept.setdefault(name, []).append(values)

    def _take_memory(self, memory: Array, written: Array) -> None:
        """Keep how alike the slots are that were written before each step's reads."""
        most = written.max(axis=1)
        start = np.zeros_like(most[:1]) if self._touched is None else self._touched[None]
        touched = np.maximum.accumulate(np.concatenate([start, most]), axis=0)
        self._touched = touched[-1]
        seen = touched[1:] if self._reads_see == "after" else touched[:-1]
        chosen = seen >= self.thresholds.written_weight
        count = chosen.sum(axis=-1).astype(np.float64)
        self._of_memory.append((mean_cosine(memory, chosen), count))


def findings(
    tensors: Tensors,
    thresholds: Thresholds | None = None,
    *,
    written: Written | None = WRITTEN,
    reads_see: Seen = "before",
) -> list[Finding]:
    """What is odd about a whole run.

    Args:
        tensors: arrays of a trace by name, [T, ...]: weightings, and what there is of `examined`
        thresholds: their defaults by default
        written: the stages that are erased and added by a write, if that is how it writes
        reads_see: the memory before the same step's writes, or after them
    Raises:
        ValueError: there is no weighting
    """
    examination = Examination(thresholds, written, reads_see)
    examination.take(tensors)
    return examination.finish()
