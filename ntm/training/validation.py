"""Validation while a model is trained: the best weights are kept, and a training without hope ends.

The sequences are the same every time and no others see them; measuring draws nothing from the
generator of the training, so that it goes on as if nobody had looked.
"""

import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ntm import seeds
from ntm.evaluation.measure import Measurement, measure
from ntm.tasks import Task
from ntm.training.recipe import Recipe, Setting
from ntm.training.schedule import Progress

BEST_FILE = "best.safetensors"
SEQUENCES = 64


class Validation:
    """The validations of one training."""

    def __init__(self, recipe: Recipe, task: Task, seed: int, folder: Path) -> None:
        self._recipe, self._task, self._seed = recipe, task, seed
        self._file = folder / BEST_FILE

    def is_due(self, progress: Progress) -> bool:
        """Whether this update is followed by one."""
        every = self._recipe.validate_every
        return every is not None and progress.update % every == 0

    def measure(self, model: Any, progress: Progress) -> Measurement:
        """Measure, and keep the weights where they are the best so far.

        Args:
            model: in training; it is so again afterwards
            progress: told the best error, and whether to stop for lack of a better one
        """
        training = model.training
        model.eval()
        found = measure(model, self._task, self._setting(model), self._seed, role="validation")
        model.train(training)
        if progress.improve(found.mean):
            weights = {n: t.detach().cpu().contiguous() for n, t in model.state_dict().items()}
            fresh = self._file.with_suffix(".new")
            save_file(weights, fresh)
            os.replace(fresh, self._file)
        patience = self._recipe.patience
        progress.stopped = patience is not None and progress.stale >= patience
        return found

    def _setting(self, model: Any) -> Setting:
        """Sequences of the task's default sizes, with slots for the longest."""
        sizes = self._task.complete({})
        rng = seeds.generator("validation", self._seed)
        steps = len(self._task.sample(rng, SEQUENCES, **sizes).inputs)
        slots = model.signature.slots_for(steps, self._task.slots_needed(sizes)) or None
        return Setting(sizes=sizes, memory_slots=slots, sequences=SEQUENCES)

    def restore(self, model: Any) -> None:
        """Put the best weights back, where anything was measured."""
        if self._recipe.validate_every is not None and self._file.exists():
            with torch.no_grad():
                model.load_state_dict(load_file(self._file))
