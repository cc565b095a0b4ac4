"""The arrays that the compiled function works on: one type for every model, whatever is asked."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.ntm.kernel.walk import Carried, Pins, Record
from ntm.architectures.ntm.kernel.weights import Form, Weights
from ntm.compiled.alignment import LANES, aligned
from ntm.compiled.sums import TOGETHER

Array = NDArray[np.float32]


@lru_cache
def nothing(shape: tuple[int, ...]) -> Array:
    """The one array of a shape without room."""
    return np.empty(shape, np.float32)


def empty_record(
    form: Form, weights: Weights, shape: tuple[int, int, int], weightings: bool, inside: bool
) -> Record:
    """Room for what is kept.

    Args:
        form, weights: of the model
        shape: K, B and N
        weightings: whether they are kept beside the outputs
        inside: whether every stage is
    """
    steps, batch, slots = shape
    kept, heads = steps if inside else 0, form.reads + form.writes
    size, told = weights.hidden.shape
    reads, outputs = weights.reads.shape
    cell = size if form.lstm else 0

    def room(steps: int, *sizes: int) -> Array:
        shape = (steps, batch, *sizes)
        return np.empty(shape, np.float32) if steps else nothing(shape)

    return Record(
        outputs=room(steps, outputs),
        weighting=room(steps if weightings else 0, heads, slots),
        told=room(kept, told),
        content=room(kept, heads, slots),
        gated=room(kept, heads, slots),
        shifted=room(kept, heads, slots),
        reads=room(kept, reads),
        hidden=room(kept, size),
        cell=room(kept, cell),
    )


def no_pins() -> Pins:
    """Nothing is pinned."""
    return Pins(
        told=np.empty((0, 0, 0), np.float32),
        told_here=np.empty((0, 0, 0), np.bool_),
        weighting=np.empty((0, 0, 0, 0), np.float32),
        weighting_here=np.empty((0, 0, 0), np.bool_),
    )


def scratch(form: Form, weights: Weights, slots: int) -> Array:
    """Room for the intermediate values of rows walked together, each beginning on a vector."""
    of_each_row = (*weights.controller.shape, *weights.hidden.shape)
    heads = form.reads + form.writes
    of_one_row = (heads * slots, *[slots] * 3, slots + form.shifts - 1)
    sizes = (*of_each_row * TOGETHER, *of_one_row)
    return aligned((sum(n + LANES for n in sizes),))


def carried(state: Mapping[str, Array], form: Form) -> Carried:
    """A copy of the state tensors of the signature, memory with slots last."""
    batch, slots, width = state["memory"].shape
    memory = aligned((batch, width, slots))
    memory[:] = state["memory"].swapaxes(1, 2)
    weightings = np.empty((batch, form.reads + form.writes, slots), np.float32)
    weightings[:, : form.reads] = state["read_weightings"]
    weightings[:, form.reads :] = state["write_weightings"]
    none = np.empty((batch, 0), np.float32)
    return Carried(
        memory=memory,
        weightings=weightings,
        reads=np.array(state["reads"], np.float32, order="C").reshape(batch, -1),
        hidden=np.array(state["hidden"], np.float32, order="C") if form.lstm else none,
        cell=np.array(state["cell"], np.float32, order="C") if form.lstm else none,
    )


def state_of(after: Carried, form: Form) -> dict[str, Array]:
    """The state tensors of the signature, as views."""
    batch, width, _ = after.memory.shape
    state = {
        "memory": after.memory.swapaxes(1, 2),
        "read_weightings": after.weightings[:, : form.reads],
        "write_weightings": after.weightings[:, form.reads :],
        "reads": after.reads.reshape(batch, -1, width),
    }
    return state | ({"hidden": after.hidden, "cell": after.cell} if form.lstm else {})
