"""Traces that were kept together, as one row of a table.

A row costs by its columns, and packing costs by the call, so that traces which ended in the same
turn of the event loop share both: their inputs lie behind each other, and what tells one from the
other is a list in JSON.
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from service.records.trace import Trace
from service.store.arrays import pack, pack_json, unpack, unpack_json

OVERHEAD = 512  # bytes of a row beside its blobs, generously


class Bundle(NamedTuple):
    """Traces of one model, engine, owner and moment."""

    first_id: str  # of one that is or was among them; all ids begin with the same time
    model: str
    version: int
    model_digest: str
    engine: str
    owner: str
    created_at: float
    traces: str  # of each: trace_id, memory slots, steps, outputs_digest, 1 if it has a target
    inputs: bytes  # [sum of the steps, I]
    targets: bytes | None  # [sum of the steps of those that have one, O]
    interventions: bytes | None  # of the only trace
    number: int
    bytes: int


COLUMNS = ", ".join(Bundle._fields)
INSERT = (
    f"INSERT OR IGNORE INTO bundles ({COLUMNS}) VALUES ({', '.join('?' * len(Bundle._fields))})"
)


class Entry(NamedTuple):
    """What tells a trace of a bundle from the others."""

    trace_id: str
    memory_slots: int
    steps: int
    outputs_digest: str
    has_target: int


def bundle(traces: Sequence[Trace], owner: str) -> Bundle:
    """Put traces of one model and moment together; one with interventions is to be alone."""
    first = traces[0]
    targets = [trace.target for trace in traces if trace.target is not None]
    changes = pack_json(list(first.interventions)) if first.interventions else None
    told = orjson.dumps(
        [
            (t.trace_id, t.memory_slots, len(t.inputs), t.outputs_digest, int(t.target is not None))
            for t in traces
        ]
    ).decode()
    inputs, packed = pack(joined([trace.inputs for trace in traces])), None
    size = len(told) + len(inputs) + OVERHEAD
    if targets:
        packed = pack(joined(targets))
        size += len(packed)
    if changes:
        size += len(changes)
    return Bundle(
        first.trace_id,
        first.model,
        first.version,
        first.model_digest,
        first.engine,
        owner,
        first.created_at,
        told,
        inputs,
        packed,
        changes,
        len(traces),
        size,
    )


KINDS: tuple[Any, ...] = (str, str, int, str, str, str, float, str, bytes)
ENTRY_KINDS = (str, int, int, str, int)
OPTIONAL_BLOBS = ("targets", "interventions")
LARGEST = 2**63  # of a number that a table takes


def fitting(row: Bundle) -> Bundle:
    """The row itself, if a table takes it and its traces can be listed.

    Raises:
        ValueError: it is not one
    """
    listed = entries(row.traces)
    is_right = (
        all(map(isinstance, row, KINDS))
        and all(isinstance(getattr(row, name), bytes | None) for name in OPTIONAL_BLOBS)
        and all(isinstance(n, int) and 0 <= n < LARGEST for n in (row.version, *row[-2:]))
        and math.isfinite(row.created_at)
        and 0 < len(listed) == row.number
        and all(all(map(isinstance, entry, ENTRY_KINDS)) for entry in listed)
    )
    if not is_right:
        raise ValueError("a row of traces should have the columns of its table")
    "".join(value for value in row if isinstance(value, str)).encode()  # as SQLite does
    return row


def entries(traces: str) -> list[Entry]:
    """What a bundle's `traces` tells."""
    return [Entry(*told) for told in orjson.loads(traces)]


def unbundle(kept: Bundle) -> list[Trace]:
    """The traces of a bundle, exactly."""
    told = entries(kept.traces)
    inputs = parts(kept.inputs, [entry.steps for entry in told])
    targets = iter(parts(kept.targets, [entry.steps for entry in told if entry.has_target]))
    changes: Sequence[Any] = ()
    if kept.interventions is not None:
        changes = unpack_json(kept.interventions)
    return [
        Trace(
            trace_id=entry.trace_id,
            model=kept.model,
            version=kept.version,
            model_digest=kept.model_digest,
            engine=kept.engine,
            created_at=kept.created_at,
            memory_slots=entry.memory_slots,
            inputs=given,
            target=next(targets) if entry.has_target else None,
            outputs_digest=entry.outputs_digest,
            interventions=changes,
        )
        for entry, given in zip(told, inputs, strict=True)
    ]


def joined(arrays: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Arrays behind each other, without a copy of the only one."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def parts(packed: bytes | None, steps: Sequence[int]) -> list[NDArray[np.float32]]:
    """What was joined and packed, each with so many steps."""
    if packed is None:
        return []
    return np.split(unpack(packed, sum(steps)), list(accumulate(steps))[:-1])
