"""Where the answer at every step came from: the head that carries it, its focus, its provenance.

Of models of any architecture, so that they can be set side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ntm.insight.arrays import Array, Tensors
from ntm.insight.columns import Edits, columns_of, edits_within, of_head, writes_by_name
from ntm.insight.provenance import WRITTEN
from ntm.measures.stretches import Flags
from ntm.signature import SIDES, Written
from ntm.tasks import Phase, Task

WORK = 300_000_000  # multiplications for the shares of one run, at most

READ, WRITE = SIDES
Vector = NDArray[np.float64]
Heard = Mapping[int, int | None]  # of answered steps, when what they say was heard, if it is known


@dataclass(frozen=True)
class Source:
    """Where one run's answer at one step came from, by the read of the head that carries it."""

    slot: int  # where the head looks most
    weight: float  # how much of its weighting is there
    step: int | None  # whose write has the largest share of the read; None where none has any
    share: float  # that share, as in `Provenance`
    heard: float | None  # the share of the step at which the item was heard


def answered(task: Task | None, inputs: Array, phases: Sequence[Phase]) -> dict[int, int | None]:
    """The steps of a sequence that answer, and when what they say was heard, if that is one step.

    Args:
        task: that the model was trained on, where it is known
        inputs: [T, I]
        phases: of the sequence
    """
    heard = task.heard(np.asarray(inputs, np.float32)) if task is not None else {}
    if heard:
        return dict(heard)
    steps = (range(phase.start, phase.stop) for phase in phases if phase.name == "answer")
    return {step: None for part in steps for step in part if step < len(inputs)}


def carrying_head(tensors: Tensors, steps: Heard) -> int:
    """The read head that looks most at what was written when the answers were heard.

    Where that is not known, the one with the largest peak while it answers.

    Args:
        tensors: read_weightings [T, R, N] and write_weightings [T, W, N]
        steps: that answer
    """
    looked = tensors[READ][list(steps)]  # [A, R, N]
    if not steps:
        return 0
    if any(heard is None for heard in steps.values()):
        return int(looked.max(axis=-1).mean(axis=0).argmax())
    written = tensors[WRITE][[heard for heard in steps.values() if heard is not None]]
    slots = written.max(axis=1).argmax(axis=-1)
    return int(looked[np.arange(len(slots)), :, slots].mean(axis=0).argmax())


def most_steps(tensors: Tensors) -> int:
    """Of how many answers the shares are not too much work."""
    steps, _, slots = tensors[READ].shape
    width = tensors["reads"].shape[-1]
    return int(WORK // max(1, steps * slots * width))


def shares_by_step(
    tensors: Tensors,
    steps: Sequence[int],
    head: int,
    *,
    written: Written = WRITTEN,
    reads_see: Literal["before", "after"] = "before",
    edits: Edits | None = None,
) -> Vector:
    """The share of every step's writes in the reads of some steps, as `provenance` has them.

    Args:
        tensors: as for `provenance`, but for the memory; what is left of 1 is its share, and that
            of memory that was set
        steps: of the reads, A of them
        head: of the reads
        written, reads_see, edits: as for `provenance`
    Returns:
        [A, T]; all zero where a read is
    """
    reads = np.asarray(tensors["reads"][list(steps), head], np.float64)  # [A, M]
    sizes = np.maximum((reads * reads).sum(axis=1), 1e-30)
    weightings = np.asarray(tensors[READ][list(steps), head], np.float64)
    reach = np.repeat(weightings[:, :, None], reads.shape[1], axis=2)  # [A, N, M]
    names = writes_by_name(WRITTEN if written.columns else written)
    rows, erase, add, *retained = (of_head(tensors, written, head)[name] for name in names)
    changed = edits_within(edits, columns_of(written, head, reads.shape[1]))
    own, order = int(reads_see == "after"), np.asarray(steps)
    if changed and not own:  # memory that was replaced before a read's own step
        for held, step in zip(reach, steps, strict=True):
            _forget(held[None], changed(step))
    shares = np.zeros((len(reads), len(rows)))
    for s in reversed(range(max(steps, default=-1) + own)):
        later = order >= s + 1 - own
        held = reach[later]
        gave = (np.einsum("wn,anm->awm", rows[s], held) * add[s]).sum(axis=1)
        shares[later, s] = (gave * reads[later]).sum(axis=1) / sizes[later]
        for row, erased in zip(rows[s], erase[s], strict=True):
            held *= 1 - row[:, None] * erased
        for retention in retained:
            held *= retention[s][:, None]
        _forget(held, changed(s) if changed else None)
        reach[later] = held
    return shares


def _forget(reach: Vector, edit: tuple[Flags, Array] | None) -> None:
    """What lies further back than memory that was replaced cannot be seen there; [A, N, M]."""
    if edit is not None:
        reach[:, np.broadcast_to(edit[0], reach.shape[1:])] = 0


def sources(
    tensors: Tensors,
    steps: Heard,
    *,
    written: Written = WRITTEN,
    reads_see: Literal["before", "after"] = "before",
    edits: Edits | None = None,
) -> tuple[int, list[Source]]:
    """The head that carries the answers, and where each of them came from.

    Args:
        tensors: as for `shares_by_step`
        steps: that answer; of long runs only the first are told, see `most_steps`
        written, reads_see, edits: as for `provenance`
    """
    told = dict(list(steps.items())[: most_steps(tensors)])
    head = carrying_head(tensors, told)
    rule = {"written": written, "reads_see": reads_see, "edits": edits}
    shares = shares_by_step(tensors, list(told), head, **rule)  # type: ignore[arg-type]
    found = []
    for row, (step, heard) in zip(shares, told.items(), strict=True):
        looked, best = tensors[READ][step, head], int(row.argmax())
        slot = int(looked.argmax())
        found.append(
            Source(
                slot=slot,
                weight=float(looked[slot]),
                step=best if row[best] > 0 else None,
                share=float(row[best]),
                heard=None if heard is None else float(row[heard]),
            )
        )
    return head, found
