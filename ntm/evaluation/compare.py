"""Models of one task side by side: errors by size, and what each costs in training and to run."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Group
from rich.table import Table
from safetensors import safe_open

from ntm import seeds
from ntm.architectures import catalogue
from ntm.evaluation.report import shown
from ntm.repository.folders import VersionFolder
from ntm.runs.exported import ExportedModel
from ntm.signature import Signature
from ntm.tasks import Sizes, Task

REPEATS = 5

Evaluation = dict[str, Any]  # the content of an evaluation.json


@dataclass(frozen=True)
class Compared:
    """One model of the table."""

    name: str
    parameters: int
    sequences: int | None  # of its training, where that is recorded
    seeds: str  # how many were trained and how far apart they came, see `spread`
    signature: Signature
    microseconds: float | None  # a step of its exported graphs; None where it has none
    evaluation: Evaluation


def compared(version: VersionFolder, task: Task, evaluation: Evaluation) -> Compared:
    """What is told of a version.

    Args:
        version: of a model of the task
        task: whose default sizes the steps are timed on
        evaluation: measured by `ntm eval`
    """
    description = version.description()
    signature = catalogue.signature_of(description.config)
    return Compared(
        name=version.name,
        parameters=parameters_of(version),
        sequences=description.training.get("sequences"),
        seeds=spread(description.training),
        signature=signature,
        microseconds=microseconds_of(version, signature, task) if version.onnx.exists() else None,
        evaluation=evaluation,
    )


def spread(training: dict[str, Any]) -> str:
    """How many seeds were compared, and their mean errors on the hardest setting of selection.

    Args:
        training: of a config.json
    Returns:
        `4, from 0.00 to 158.12 at length 4000`, or `1` where one was trained
    """
    count, rows = len(training.get("seeds_compared", ())), training.get("selection") or {}
    hardest = [told[-1] for told in rows.values() if told]
    if count < 2 or len(hardest) < 2:
        return str(count) if count else ""
    means = [row["mean"] for row in hardest]
    return f"{count}, from {min(means):.2f} to {max(means):.2f} at {_named(hardest[0])}"


def parameters_of(version: VersionFolder) -> int:
    """Numbers in a checkpoint."""
    with safe_open(version.checkpoint, framework="np") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())


def microseconds_of(version: VersionFolder, signature: Signature, task: Task) -> float:
    """Of one step of one sequence on ONNX Runtime and one core: the best of some runs."""
    inputs = task.sample(seeds.generator("example", 1), 1).inputs[:, 0]
    slots = signature.slots_for(len(inputs), task.slots_needed(task.complete({})))
    model, best = ExportedModel(version), math.inf
    for _ in range(REPEATS):
        began = time.perf_counter()
        model.predict(inputs, slots)
        best = min(best, time.perf_counter() - began)
    return 1e6 * best / len(inputs)


def chance(task: Task, sizes: Sizes) -> float | None:
    """Wrong bits of somebody who throws a coin for each; None for errors of another unit."""
    if task.unit != "wrong bits":
        return None
    targets = task.sample(seeds.generator("example", 1), 1, **sizes).targets
    return float((~np.isnan(targets)).sum()) / 2


def tables(task: Task, rows: Iterable[Compared]) -> Group:
    """What every model costs, and below that its errors by size, chance last.

    An error is the mean of a sequence, and behind it the share of sequences without any.
    """
    models = list(rows)
    settings: dict[str, Sizes] = {}
    for model in models:
        settings |= {_named(row): row["sizes"] for row in model.evaluation["results"]}
    of_all = [{_named(row): row for row in model.evaluation["results"]} for model in models]
    shared = [setting for setting in settings if all(setting in results for results in of_all)]
    costs = Table(title=f"{task.name}: what every model costs")
    costs.add_column("model", no_wrap=True)
    state = f"state at {shared[-1]}" if shared else "state"
    for heading in ("parameters", "sequences of training", state, "µs a step", "seeds"):
        costs.add_column(heading, justify="right")
    errors = Table(title=f"{task.name}: {task.unit} a sequence (share of sequences without any)")
    errors.add_column("model", no_wrap=True)
    for setting in settings:
        errors.add_column(setting, justify="right")
    for model, results in zip(models, of_all, strict=True):
        slots = results[shared[-1]]["memory_slots"] if shared else model.signature.memory_slots
        costs.add_row(
            model.name,
            f"{model.parameters:,}",
            "" if model.sequences is None else f"{model.sequences:,}",
            f"{model.signature.state_bytes(slots):,} B",
            "" if model.microseconds is None else f"{model.microseconds:.0f}",
            model.seeds,
        )
        errors.add_row(model.name, *(_cell(results.get(setting)) for setting in settings))
    guessed = [chance(task, sizes) for sizes in settings.values()]
    errors.add_row("chance", *("" if g is None else f"{g:g}" for g in guessed))
    return Group(costs, errors)


def _named(row: dict[str, Any]) -> str:
    """A setting's sizes, without whether the training had such."""
    return shown({"sizes": row["sizes"]})


def _cell(row: dict[str, Any] | None) -> str:
    return "" if row is None else f"{row['mean']:.2f} ({row['perfect']:.0%})"
