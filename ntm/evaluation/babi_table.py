"""Wrong answers to the twenty bAbI tasks beside what others published. No torch."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ntm.tasks import babi

FAILED = 5.0  # per cent: a task with more counts as failed

# Errors in per cent, task 1 to 20: Sukhbaatar et al. 2015 (their Matlab code, trained on 1,000
# questions a task jointly), the Recurrent Entity Network's best of several (10,000), the mean of
# the DNC and of DNC-MD over runs (10,000 jointly, Csordás and Schmidhuber 2019, Table 1).
PUBLISHED: dict[str, tuple[float, ...]] = {
    "MemN2N, 1k joint": (
        0.0, 13.1, 23.4, 5.9, 12.9, 3.7, 22.9, 9.1, 2.7, 7.2,
        0.8, 0.1, 0.1, 4.2, 0.0, 1.2, 43.6, 10.5, 86.7, 0.0,
    ),
    "EntNet, 10k": (
        0, 0.1, 4.1, 0, 0.3, 0.2, 0, 0.5, 0.1, 0.6,
        0.3, 0, 1.3, 0, 0, 0.2, 0.5, 0.3, 2.3, 0,
    ),
    "DNC, 10k joint": (
        9.0, 39.2, 39.6, 0.4, 1.5, 6.9, 9.8, 5.5, 7.7, 9.6,
        3.3, 5.0, 3.1, 11.0, 27.2, 53.6, 32.4, 4.2, 64.6, 0.0,
    ),
    "DNC-MD, 10k joint": (
        0.0, 6.9, 12.4, 0.1, 1.3, 0.1, 3.0, 2.5, 0.1, 0.5,
        0.0, 0.2, 0.1, 2.0, 23.6, 53.9, 39.8, 2.0, 40.7, 0.1,
    ),
}  # fmt: skip


def per_cent(row: dict[str, Any]) -> float:
    """The error of a row of either measurement in per cent."""
    return float(100 * (row["mean"] if "mean" in row else row["wrong"] / row["questions"]))


def by_task(rows: Iterable[dict[str, Any]]) -> dict[int, float]:
    """Errors in per cent by task, of rows of either measurement."""
    return {row["task"] if "task" in row else row["sizes"]["task"]: per_cent(row) for row in rows}


def table(evaluation: dict[str, Any]) -> list[list[str]]:
    """Errors in per cent by task beside the published ones: a heading, the tasks, mean, failed.

    Args:
        evaluation: the content of an evaluation.json
    """
    columns = {"own stories": by_task(evaluation["results"])}
    if files := evaluation.get("files"):
        columns["published stories"] = by_task(files["results"])
    columns |= {name: dict(enumerate(row, start=1)) for name, row in PUBLISHED.items()}
    tasks = sorted(columns["own stories"])
    rows = [["task", *columns]]
    for task in tasks:
        shown = [_shown(column.get(task)) for column in columns.values()]
        rows.append([f"{task} {babi.NAMES[task]}", *shown])
    chosen = [[column[t] for t in tasks if t in column] for column in columns.values()]
    rows.append(["mean", *(_shown(float(np.mean(column))) for column in chosen)])
    failed = [sum(error > FAILED for error in column) for column in chosen]
    rows.append([f"tasks over {FAILED:g} %", *map(str, failed)])
    return rows


def _shown(error: float | None) -> str:
    return "" if error is None else f"{error:.1f}"


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table of text cells, the first column to the left."""
    marks = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], marks, *rows[1:]))
