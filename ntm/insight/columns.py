"""What a trace calls the writes to a memory, and the columns of it that a read head sees.

Where every head has columns of its own to read, they are a memory of that head alone.
"""

from collections.abc import Callable

import numpy as np

from ntm.insight.arrays import Array, Tensors, needed
from ntm.measures.stretches import Flags
from ntm.signature import Written

# Of a step: where memory was replaced before it, and by what.
Edits = Callable[[int], tuple[Flags, Array] | None]


def writes_by_name(written: Written) -> tuple[str, ...]:
    """What a trace calls the weightings of writes, what they erase and add, and what is wiped."""
    if written.columns:
        return "write_weightings", f"addressing.read.{written.add}"
    stages = (written.erase, written.add, written.retention)
    return "write_weightings", *(f"writes.{stage}" for stage in stages if stage)


def of_head(tensors: Tensors, written: Written, head: int) -> Tensors:
    """The writes of a trace as a read head sees them: all of them, or those into its own columns.

    Args:
        tensors: what `writes_by_name` names, [K, ...]
        written: with columns or without
        head: of the read
    """
    if not written.columns:
        return tensors
    add = tensors[writes_by_name(written)[1]][:, [head]]
    return {
        "write_weightings": tensors["write_weightings"],
        "writes.erase": np.ones_like(add),
        "writes.add": add,
    }


def columns_of(written: Written, head: int, width: int) -> slice:
    """The columns of the memory that a read head sees; all where heads have none of their own."""
    if not written.columns:
        return slice(None)
    return slice(written.columns[head], written.columns[head] + width)


def edits_within(edits: Edits | None, columns: slice) -> Edits | None:
    """Edits of the memory as a memory of these columns has them."""
    if edits is None or columns == slice(None):
        return edits

    def within(step: int) -> tuple[Flags, Array] | None:
        edit = edits(step)
        if edit is None:
            return None
        where, value = edit
        if where.shape[-1] > 1:
            where = where[..., columns]
        return where, value if value.shape[-1] == 1 else value[..., columns]

    return within


def alone(tensors: Tensors, written: Written, head: int) -> dict[str, Array]:
    """A run as if a head that has columns of its own were the only one that reads.

    Raises:
        ValueError: the reads are missing, by which the columns are as wide as they are
    """
    needed(tensors, ("reads",), "provenance")
    columns = columns_of(written, head, tensors["reads"].shape[-1])
    return {
        **of_head(tensors, written, head),
        "read_weightings": tensors["read_weightings"][:, [head]],
        "reads": tensors["reads"][:, [head]],
        "memory": tensors["memory"][..., columns],
    }
