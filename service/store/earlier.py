"""Traces as earlier versions kept them: each a row of its own."""

import logging
import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from service.store.bundles import INSERT, Bundle, fitting

log = logging.getLogger("ntm.store")

FIELDS = (
    "trace_id, model, version, model_digest, engine, created_at, memory_slots, steps, inputs, "
    "target, outputs_digest, bytes, owner, interventions"
)
COLUMNS = len(FIELDS.split(", "))


def take_over(connection: sqlite3.Connection) -> None:
    """Take traces of an earlier layout over, but for the first, whose ids do not tell their age."""
    if has_table(connection, "traces"):
        (count,) = connection.execute("SELECT COUNT(*) FROM traces").fetchone()
        connection.execute("DROP TABLE traces")
        log.warning("%s traces of an earlier layout of the store were dropped", count)
    if has_table(connection, "traces_by_time"):
        rows = connection.execute(f"SELECT {FIELDS} FROM traces_by_time").fetchall()
        connection.executemany(INSERT, map(alone, rows))
        connection.execute("DROP TABLE traces_by_time")
        log.info("%s traces of an earlier layout of the store were taken over", len(rows))


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether there is such a table."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


def understood(row: Sequence[Any]) -> Bundle | None:
    """A row that waited to be moved in, by whichever version it was appended; None if by none."""
    try:
        if len(row) != len(Bundle._fields):
            return fitting(alone(row)) if len(row) == COLUMNS else None
        return fitting(Bundle(*row))
    except (TypeError, ValueError):
        return None


def alone(row: Sequence[Any]) -> Bundle:
    """A row of the earlier layout as a bundle of one."""
    *facts, created_at, slots, steps, inputs, target, digest, size, owner, changes = row
    trace_id, model, version, model_digest, engine = facts
    told = orjson.dumps([(trace_id, slots, steps, digest, int(target is not None))]).decode()
    return Bundle(
        trace_id,
        model,
        version,
        model_digest,
        engine,
        owner,
        created_at,
        told,
        inputs,
        target,
        changes,
        1,
        size,
    )
