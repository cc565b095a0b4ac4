"""Choosing among seeds: by errors on longer sequences, and by whose write a read is."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from ntm import seeds
from ntm.architectures.model import Model
from ntm.evaluation.measure import Measurement, Predictor, measure
from ntm.insight import provenance
from ntm.runs.trace import Trace
from ntm.tasks import Task
from ntm.training.recipe import Recipe, Setting

SELECTION_SEED = 1


@dataclass(frozen=True)
class Score:
    """What one seed gave on sequences kept for nothing else."""

    errors: list[Measurement]
    own_write: float | None = None  # see `own_write`; None where the recipe does not ask for it


def score(recipe: Recipe, model: Predictor) -> Score:
    """Measure a trained model, in evaluation mode, as the recipe's selection asks."""
    task = recipe.make_task()
    errors = [
        measure(model, task, setting, SELECTION_SEED, role="selection")
        for setting in recipe.selection
    ]
    asked = recipe.own_write
    if asked is None or recipe.baseline:
        return Score(errors)
    trained = cast(Model, model)
    return Score(errors, min(own_write(trained, task, setting) for setting in asked.settings))


def best(scores: dict[int, Score], recipe: Recipe) -> int:
    """The seed with the fewest errors; those whose answers are read from their own writes first."""

    def rank(seed: int) -> tuple[bool, float]:
        given, asked = scores[seed], recipe.own_write
        strays = asked is not None and not (given.own_write or 0.0) > asked.share
        return strays, sum(row.mean for row in given.errors)

    return min(scores, key=rank)


def own_write(model: Model, task: Task, setting: Setting) -> float:
    """The least share that any item's own write has in the read of read head 0 that says it.

    Args:
        model: in evaluation mode
        task: draws the sequences, from the generator of the selection
        setting: sizes, memory slots and how many sequences
    Raises:
        ValueError: the task's answers are no items that were heard at one step each
    """
    rng, least = seeds.generator("selection", SELECTION_SEED), np.inf
    for _ in range(setting.sequences):
        inputs = task.sample(rng, 1, **setting.sizes).inputs[:, 0]
        trace = Trace.record(model, inputs, memory_slots=setting.memory_slots)
        heard = task.heard(inputs)
        if not heard:
            raise ValueError(f"{task.name} does not tell when an item of its answer was heard")
        for answered, step in heard.items():
            parts = provenance(trace.arrays, answered).parts
            share = sum(p.share for p in parts if (p.kind, p.step) == ("write", step))
            least = min(least, share)
    return float(least)
