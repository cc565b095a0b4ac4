"""From a recipe to a finished model: train the seeds, keep the one that generalises best."""

import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ntm import checkpoint
from ntm.evaluation import Measurement, measure
from ntm.model import NTM
from ntm.recipes import Recipe
from ntm.repository import VersionFolder, versions
from ntm.training.loop import Trainer

SELECTION_SEED = 1


def train_seeds(
    recipe: Recipe, name: str, seeds: list[int], folder: Path
) -> tuple[VersionFolder, dict[int, list[Measurement]]]:
    """Train every seed and save the best as the next version of `folder`.

    A seed that was trained before is not trained again, one that was interrupted goes on.

    Args:
        recipe: how to train
        name: the recipe's name, for the provenance
        seeds: one training each
        folder: the model's folder; trainings live in its `training/seed-<n>`
    Returns:
        the saved version, and what each of several seeds gave on the recipe's selection settings
    Raises:
        Interrupted: a training was stopped; its state is saved
    """
    trainers: dict[int, Trainer] = {}
    scores: dict[int, list[Measurement]] = {}
    for seed in seeds:
        trainer = Trainer(recipe, seed, folder / "training" / f"seed-{seed}")
        trainer.run()
        trainers[seed] = trainer
        if len(seeds) > 1:
            scores[seed] = select_score(recipe, trainer.model)
    best = min(seeds, key=lambda seed: sum(m.mean for m in scores.get(seed, [])))
    chosen = trainers[best]
    version = max(versions(folder), default=0) + 1
    provenance = {
        "recipe": name,
        "seed": best,
        "seeds_compared": seeds,
        "updates": chosen.progress.update,
        "sequences": chosen.progress.sequences,
        "settings": recipe.model_dump(mode="json", exclude={"selection", "evaluation"}),
        "selection": {str(seed): [m.model_dump() for m in rows] for seed, rows in scores.items()},
        "libraries": libraries(),
    }
    saved = checkpoint.save(folder / str(version), chosen.model, chosen.task, provenance)
    return saved, scores


def select_score(recipe: Recipe, model: NTM) -> list[Measurement]:
    """Errors on the recipe's selection settings, on sequences kept for nothing else."""
    task = recipe.make_task()
    model.eval()
    return [
        measure(model, task, setting, SELECTION_SEED, role="selection")
        for setting in recipe.selection
    ]


def libraries() -> dict[str, Any]:
    """Versions that a training's result may depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
