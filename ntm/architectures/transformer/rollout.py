"""Attention rollout (Abnar and Zuidema 2020): the inputs that a read came from, over all layers.

A read is a sum of values; a value is made of what its layer was given at the step that wrote it,
and that of what the layers below read. Followed is how much of a read goes each way:

- a read goes to slots by attention times the norm of the value there (Kobayashi et al. 2020);
- the value in a slot goes to the step that wrote it, to what its layer was given there;
- that goes in halves to what the layer below was given, the residual, and to what all heads of that
  layer read, by attention times norm again.

What is exact: attention, norms, which step wrote a slot. What is not: norms leave out directions,
the halves are the authors' choice, and output projections, feedforward layers and normalisation
count as passing on what they get. So it says where to look; what a step's input does to an output
is what an intervention on it shows. Where a cached step is set or written twice before the read,
earlier steps are given the norms of the later values.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.rollout import Array, Memories, RolledPart
from ntm.signature import Signature

RESIDUAL = 0.5  # of what a layer gives, from what it was given

Vector = NDArray[np.float64]


class Rollout:
    """See `ntm.architectures.rollout.Rollout`; O(T N layers heads) time, O(N layers) memory."""

    needs = ("read_weightings", "write_weightings")

    def __init__(
        self,
        signature: Signature,
        memory: Array,
        head: int,
        step: int,
        edits: Memories | None = None,
    ) -> None:
        """See `ntm.architectures.rollout.Rollout`."""
        layers = signature.stage("hidden").shape[0]
        assert isinstance(layers, int)
        self._layers, width = layers - 1, signature.memory_width // (2 * (layers - 1))
        self._heads = signature.read_heads // self._layers
        values = np.asarray(memory, np.float64).reshape(len(memory), self._layers, 2, width)[
            :, :, 1
        ]
        by_head = values.reshape(len(memory), signature.read_heads, -1)
        self._norms = np.linalg.norm(by_head, axis=-1).T  # [R, N]
        self._head, self._step, self._edits = head, step + 1, edits
        self._held = np.zeros((self._layers, len(memory)))  # what goes to each layer's slots
        self._inputs: list[float] = []  # the latest step first
        self._set: list[RolledPart] = []
        self._begun = False

    def back(self, tensors: Mapping[str, Array]) -> None:
        """See `ntm.architectures.rollout.Rollout`."""
        looked, written = (tensors[name] for name in self.needs)
        if not self._begun:
            row = looked[-1, self._head] * self._norms[self._head]
            if row.sum() > 0:
                self._held[self._head // self._heads] = row / row.sum()
            self._begun = True
        for k in reversed(range(len(looked))):
            self._inputs.append(self._pass(looked[k], written[k, 0]))
            self._step -= 1
            self._take_edit()

    def finish(self) -> list[RolledPart]:
        """See `ntm.architectures.rollout.Rollout`."""
        first = self._step
        parts = [
            RolledPart("input", first + at, share)
            for at, share in enumerate(reversed(self._inputs))
        ]
        parts += [*self._set, RolledPart("initial", None, float(self._held.sum()))]
        return sorted(parts, key=lambda part: -part.share)

    def _pass(self, looked: Array, written: Array) -> float:
        """Through the layers of one step from above; what is left is its input's."""
        stream = 0.0  # what goes to what a layer gives, of the layer above in the end
        for layer in reversed(range(self._layers)):
            if stream > 0:
                row = self._mixed(layer, looked)
                if row.sum() > 0:
                    self._held[layer] += (1 - RESIDUAL) * stream * row / row.sum()
                    stream *= RESIDUAL
            own = written * self._held[layer]
            self._held[layer] -= own
            stream += float(own.sum())
        return stream

    def _mixed(self, layer: int, looked: Array) -> Vector:
        """Where a layer's heads look, all of them together, by attention times norm [N]."""
        heads = slice(layer * self._heads, (layer + 1) * self._heads)
        row: Vector = (looked[heads] * self._norms[heads]).sum(axis=0, dtype=np.float64)
        return row

    def _take_edit(self) -> None:
        """What goes to slots that were set before this step goes no further back."""
        edit = None if self._edits is None else self._edits(self._step)
        if edit is not None:
            slots = np.broadcast_to(edit[0].any(axis=-1), self._held.shape[1:])
            share = float(self._held[:, slots].sum())
            self._set.append(RolledPart("intervention", self._step, share))
            self._held[:, slots] = 0
