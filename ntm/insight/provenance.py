"""Where the content of a read came from.

A read is linear in all that was ever added: what write head h added at step s reaches a read at a
later step t through every slot n, scaled by how much h looked at n, by what later erases left of
it, and by how much the read looks at n (Eq. 2 to 4):

    c[s, h] = a[s, h] * sum over n of w[s, h, n] * survival[s, n] * r[n]
    survival[s, n] = product over later steps u < t and all heads k of (1 - w[u, k, n] * e[u, k])

Where freeing a slot wipes it, its retention is one more factor of every step. Where every head has
columns of its own to read, they are a memory of that head alone.

Going back from t, `reach` = survival * r is one matrix [N, M] that every step scales down once, so
that all of it takes O(T N M) time and O(N M) memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ntm.insight.arrays import Array, Tensors, needed
from ntm.insight.columns import Edits, alone, columns_of, edits_within, writes_by_name
from ntm.measures.stretches import Flags
from ntm.signature import Written

Kind = Literal["write", "initial", "intervention"]
Vector = NDArray[np.float64]
Source = tuple[Kind, int | None, int | None, int | None]

TOLERANCE = 1e-3  # of a read in float32, which is summed here in another order
WRITTEN = Written()


@dataclass(frozen=True)
class Part:
    """What one source contributes to a read."""

    kind: Kind  # a write, the memory before the first step, or memory that somebody replaced
    step: int | None  # of the write or of the intervention
    head: int | None  # of the write
    slot: int | None  # through which most of the write came, whatever its sign
    share: float  # see `Provenance`
    vector: Vector  # [M]


@dataclass(frozen=True)
class Provenance:
    """A read vector as a sum of parts.

    The share of a part c in the read r is its projection on it, (c . r) / (r . r). Shares sum to 1.
    One is negative where the part points away from the read, and others exceed 1 to make up for it.
    A read of zero has no direction; all shares are 0 then.
    """

    step: int
    head: int
    read: Vector  # [M], the sum of all parts
    parts: tuple[Part, ...]  # the largest shares in size first
    rest: tuple[int, float, Vector]  # how many parts are left out, their share, their sum [M]


class Backward:
    """Goes back from one read through the writes before it, the latest first."""

    def __init__(
        self,
        weighting: Array,
        width: int,
        step: int,
        edits: Edits | None = None,
        *,
        reads_see: Literal["before", "after"] = "before",
    ) -> None:
        """Stand at a read.

        Args:
            weighting: of the read [N]
            width: M
            step: of the read, t
            edits: where the memory was replaced before a step, and by what
            reads_see: the memory before the same step's writes, or after them
        """
        self._reach = np.repeat(np.asarray(weighting, np.float64)[:, None], width, axis=1)
        self._step, self._edits = step, edits or unedited
        self._writes: list[tuple[int, Array, NDArray[np.intp]]] = []  # first step, parts, slots
        self._others: list[tuple[Kind, int | None, Vector]] = []
        if reads_see == "after":
            self._step += 1  # the first writes to go back through are those of its own step
        else:
            self._take_edit()

    def back(self, tensors: Tensors, written: Written = WRITTEN) -> None:
        """Go back through the writes of K more steps.

        Args:
            tensors: of the write heads in the order of time, write_weightings [K, W, N], the
                vectors that are erased and added [K, W, M], and the retention of slots [K, N] where
                there is one
            written: what these are called
        """
        weightings, erase, add, *retained = (tensors[name] for name in writes_by_name(written))
        vectors = np.zeros(add.shape)
        slots = np.zeros(add.shape[:2], np.intp)
        for k in reversed(range(len(add))):
            rows = np.asarray(weightings[k], np.float64)
            vectors[k] = add[k] * (rows @ self._reach)  # adds come after the erases of all heads
            slots[k] = (rows * self._reach.sum(axis=1)).argmax(axis=1)
            for row, erased in zip(rows, np.asarray(erase[k], np.float64), strict=True):
                self._reach *= 1 - row[:, None] * erased
            for retention in retained:
                self._reach *= np.asarray(retention[k], np.float64)[:, None]
            self._step -= 1
            self._take_edit()
        self._writes.append((self._step, vectors, slots))

    def finish(self, memory: Array, head: int, step: int, limit: int | None = None) -> Provenance:
        """All parts, ranked.

        Args:
            memory: before the first step [N, M]
            head: of the read
            step: of the read
            limit: parts that are told one by one; all of them by default
        """
        self._others.append(("initial", None, (self._reach * memory).sum(axis=0)))
        vectors = np.concatenate(
            [np.array([vector for _, _, vector in self._others])]
            + [part.reshape(-1, part.shape[-1]) for _, part, _ in reversed(self._writes)]
        )
        read: Vector = vectors.sum(axis=0)
        size = float(read @ read)
        shares = vectors @ read / size if size else np.zeros(len(vectors))
        order = np.argsort(-np.abs(shares), kind="stable")[:limit]
        sources = list(self._sources())
        left = np.ones(len(vectors), np.bool_)
        left[order] = False
        return Provenance(
            step=step,
            head=head,
            read=read,
            parts=tuple(part_of(sources[i], float(shares[i]), vectors[i]) for i in order),
            rest=(int(left.sum()), float(shares[left].sum()), vectors[left].sum(axis=0)),
        )

    def _take_edit(self) -> None:
        """Memory replaced before this step's read: what lies further back cannot be seen there."""
        edit = self._edits(self._step)
        if edit is not None:
            where, value = edit
            vector = (self._reach * np.where(where, value, 0)).sum(axis=0)
            self._others.append(("intervention", self._step, vector))
            self._reach = np.where(where, 0.0, self._reach)

    def _sources(self) -> Iterator[Source]:
        """Kind, step, head and slot of all parts, in the order of their vectors."""
        for kind, step, _ in self._others:
            yield kind, step, None, None
        for first, _, slots in reversed(self._writes):
            for (k, head), slot in np.ndenumerate(slots):
                yield "write", first + k, head, int(slot)


def needs(written: Written) -> tuple[str, ...]:
    """The arrays of a trace from which the parts of a read follow."""
    return "read_weightings", *writes_by_name(written), "memory"


def before_the_first(
    writes: Tensors, memory: Array, edits: Edits | None, written: Written
) -> tuple[dict[str, Array], Array, Edits | None]:
    """The writes, a memory and the edits as if step 0 had only added.

    Where reads see the same step's writes, a trace has the memory after step 0. What that has not
    added is what it left of the memory before, be it the initial one or one that was set.

    Args:
        writes: of all steps
        memory: after step 0 [N, M]
        edits: where the memory was replaced before a step, and by what
        written: what the writes are called
    """
    told = {name: np.array(value) for name, value in writes.items()}
    weightings, erase, add, *retained = writes_by_name(written)
    told[erase][0] = 0
    for name in retained:
        told[name][0] = 1
    left = memory - np.einsum("hn,hm->nm", told[weightings][0], told[add][0])

    def left_of(step: int) -> tuple[Flags, Array] | None:
        edit = edits(step) if edits else None
        return edit if step or edit is None else (edit[0], left)

    return told, left, left_of


def unedited(step: int) -> None:
    """Nobody replaced any memory."""


def part_of(source: Source, share: float, vector: Vector) -> Part:
    """A part by its source."""
    kind, step, head, slot = source
    return Part(kind, step, head, slot, share, vector)


def provenance(
    tensors: Tensors,
    step: int,
    head: int = 0,
    *,
    limit: int | None = None,
    edits: Edits | None = None,
    written: Written = WRITTEN,
    reads_see: Literal["before", "after"] = "before",
) -> Provenance:
    """Split a read vector into what every earlier write and the memory before them gave to it.

    Args:
        tensors: read_weightings [T, R, N], write_weightings [T, W, N], writes.erase [T, W, M],
            writes.add [T, W, M], and memory, whose first row [N, M] is all that is used; where
            there are reads [T, R, M], the parts have to add up to them
        step: of the read, t < T
        head: of the read
        limit: parts that are told one by one; all of them by default
        edits: of a step, where the memory was replaced before its reads and by what, or None; the
            shapes broadcast to [N, M]
        written: the stages that are erased and added, where they are called otherwise, or columns
        reads_see: the memory before the same step's writes, or after them; with `written` in a
            model's signature
    Raises:
        ValueError: an array is missing, step or head are not in the trace, or the parts
            do not add up to the read, as where `reads_see` is another of the model
    """
    needed(tensors, needs(written), "provenance")
    weightings, width = tensors["read_weightings"], tensors["memory"].shape[-1]
    steps, heads = weightings.shape[:2]
    for name, value, bound in (("step", step, steps), ("head", head, heads)):
        if not 0 <= value < bound:
            raise ValueError(f"{name} should be from 0 to {bound - 1}, got {value}")
    if written.columns:
        own = alone(tensors, written, head)
        edits = edits_within(edits, columns_of(written, head, own["reads"].shape[-1]))
        found = provenance(own, step, limit=limit, edits=edits, reads_see=reads_see)
        return replace(found, head=head)
    memory = tensors["memory"][0]
    writes = {name: tensors[name][:step] for name in writes_by_name(written)}
    if reads_see == "after":
        writes = {name: tensors[name][: step + 1] for name in writes}
        writes, memory, edits = before_the_first(writes, memory, edits, written)
    backward = Backward(weightings[step, head], width, step, edits, reads_see=reads_see)
    backward.back(writes, written)
    found = backward.finish(memory, head, step, limit)
    if "reads" in tensors:
        recorded = tensors["reads"][step, head]
        if np.abs(found.read - recorded).max() > TOLERANCE * max(1.0, np.abs(recorded).max()):
            raise ValueError(
                "the parts do not add up to the read: the memory was replaced and `edits` does not "
                "say so, or this model reads what the same step writes"
            )
    return found
