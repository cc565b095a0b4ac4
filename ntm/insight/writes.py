"""What became of every write: was its slot read, or erased before anybody read it?

A write counts where a head looks hard enough at one slot and adds enough to it; diffuse writes are
not followed. It has been read once a read head looks at its slot, and is overwritten once later
erases, averaged over the width, leave too little of it.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ntm.insight.arrays import Array
from ntm.measures.thresholds import Thresholds


@dataclass(frozen=True)
class Write:
    """A write that waits to be read."""

    step: int
    head: int
    kept: float  # log of what the erases so far had left of its slot


class Fates:
    """Follows writes step by step; what waits is kept by slot, the oldest first."""

    def __init__(
        self, slots: int, thresholds: Thresholds, reads_see: Literal["before", "after"] = "before"
    ) -> None:
        self._thresholds, self.slots, self._reads_see = thresholds, slots, reads_see
        self._kept = np.zeros(slots)  # log of what all erases so far left of each slot
        self._oldest = np.full(slots, -np.inf)  # of the oldest write that waits there
        self._waiting: dict[int, deque[Write]] = {}
        self.overwritten: list[tuple[Write, int]] = []  # and at which step
        self._step = 0

    def take(
        self, read: Array, written: Array, erase: Array, add: Array, retention: Array | None = None
    ) -> None:
        """Follow K more steps.

        Args:
            read: weightings of the read heads [K, R, N]
            written: of the write heads [K, W, N]
            erase: e [K, W, M]
            add: a [K, W, M]
            retention: of slots [K, N], where freeing one wipes it
        """
        mean_erase, mean_add = erase.mean(axis=-1), np.abs(add).mean(axis=-1)
        read_most = read.max(axis=1)
        for k in range(len(read)):
            if self._reads_see == "before":
                self._read(read_most[k])
            left = np.maximum(1 - written[k] * mean_erase[k][:, None], 1e-12)
            if retention is not None:
                left = np.concatenate([left, np.maximum(retention[k], 1e-12)[None]])
            self._erase(left)
            self._write(written[k], mean_add[k])
            if self._reads_see == "after":
                self._read(read_most[k])
            self._step += 1

    @property
    def never_read(self) -> list[Write]:
        """The writes that still wait; the last step's, which nobody could read, are left out."""
        waiting = [write for queue in self._waiting.values() for write in queue]
        last = self._step if self._reads_see == "after" else self._step - 1
        return [write for write in waiting if write.step < last]

    def _read(self, most: Array) -> None:
        for slot in np.flatnonzero(
            (most >= self._thresholds.read_weight) & (self._oldest > -np.inf)
        ):
            del self._waiting[int(slot)]
            self._oldest[slot] = -np.inf

    def _erase(self, left: Array) -> None:
        """By what several factors leave of every slot [., N]."""
        self._kept += np.log(left).sum(axis=0)
        limit = np.log(self._thresholds.overwritten_kept)
        for slot in np.flatnonzero(self._kept - self._oldest < limit):
            queue = self._waiting[int(slot)]
            while queue and self._kept[slot] - queue[0].kept < limit:
                self.overwritten.append((queue.popleft(), self._step))
            if not queue:
                del self._waiting[int(slot)]
            self._oldest[slot] = queue[0].kept if queue else -np.inf

    def _write(self, weightings: Array, add: Array) -> None:
        for head, weighting in enumerate(weightings):
            slot = int(weighting.argmax())
            weight = weighting[slot]
            if weight < self._thresholds.written_weight:
                continue
            if weight * add[head] < self._thresholds.written_add:
                continue
            write = Write(self._step, head, float(self._kept[slot]))
            self._waiting.setdefault(slot, deque()).append(write)
            self._oldest[slot] = self._waiting[slot][0].kept
