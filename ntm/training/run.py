"""From a recipe to a finished model: train the seeds, keep the one that generalises best."""

import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ntm.evaluation.measure import EVALUATION_SEED, as_json, measure
from ntm.repository import checkpoint
from ntm.repository.folders import (
    BASELINE_FILE,
    RepositoryError,
    VersionFolder,
    versions,
    write_json,
)
from ntm.training import selection
from ntm.training.loop import Terms, Trainer
from ntm.training.recipe import Recipe
from ntm.training.selection import Score


def train_seeds(
    recipe: Recipe,
    name: str,
    seeds: list[int],
    folder: Path,
    terms: Terms | None = None,
) -> tuple[VersionFolder, dict[int, Score]]:
    """Train every seed and save the best as the next version of `folder`.

    A seed that was trained before is not trained again, one that was interrupted goes on.

    Args:
        recipe: how to train
        name: the recipe's name, for the provenance
        seeds: one training each
        folder: the model's folder; trainings live in its `training/seed-<n>`
        terms: where it computes, what it calls, what it goes on from
    Returns:
        the saved version (an old one if nothing was left to train), and what each of several seeds
        gave on the recipe's selection settings
    Raises:
        Interrupted: a training was stopped; its state is saved
    """
    trainers: dict[int, Trainer] = {}
    scores: dict[int, Score] = {}
    for seed in seeds:
        trainer = make_trainer(recipe, seed, folder / "training" / place_of(recipe, seed), terms)
        trainer.run()
        trainers[seed] = trainer
        if len(seeds) > 1:
            scores[seed] = selection.score(recipe, trainer.model.eval())
    chosen = trainers[selection.best(scores, recipe) if scores else seeds[0]]
    if recipe.baseline:
        raise ValueError(f"{name}: a baseline is measured, not saved; use train_baseline")
    told = provenance(name, chosen) | {
        "seeds_compared": seeds,
        "selection": {
            str(s): [m.model_dump() for m in given.errors] for s, given in scores.items()
        },
    }
    if recipe.own_write and scores:
        told["own_write"] = {
            "asked": recipe.own_write.model_dump(),
            "least": {str(seed): given.own_write for seed, given in scores.items()},
        }
    newest = max(versions(folder), default=0)
    if newest and is_saved(chosen.model, VersionFolder(folder / str(newest))):
        return VersionFolder(folder / str(newest)), scores
    saved = checkpoint.save(folder / str(newest + 1), chosen.model, chosen.task, told)
    return saved, scores


def place_of(recipe: Recipe, seed: int) -> str:
    """What the folder of a training is called."""
    if recipe.start is None:
        return f"seed-{seed}"
    return f"from-{recipe.start.model}-{recipe.start.version}-seed-{seed}"


def make_trainer(recipe: Recipe, seed: int, folder: Path, terms: Terms | None = None) -> Trainer:
    """What trains a seed: on whole stories or step by step. See `Trainer`."""
    if recipe.stories is None:
        return Trainer(recipe, seed, folder, terms)
    from ntm.training.stories import StoryTrainer

    return StoryTrainer(recipe, seed, folder, terms)


def is_saved(model: nn.Module, version: VersionFolder) -> bool:
    """True where a version holds just these weights: there was nothing left to train."""
    try:
        saved = checkpoint.read_tensors(version.checkpoint)
    except RepositoryError:
        return False
    weights = model.state_dict()
    return saved.keys() == weights.keys() and all(
        torch.equal(saved[name], weight) for name, weight in weights.items()
    )


def train_baseline(recipe: Recipe, name: str, seed: int, folder: Path) -> Path:
    """Train a recipe's baseline and write what it reaches into `folder`/baseline.json.

    It is measured on the sequences of the recipe's evaluation, like the model it is set against.

    Raises:
        Interrupted: the training was stopped; its state is saved
    """
    trainer = Trainer(recipe, seed, folder / "training" / f"{recipe.baseline}-seed-{seed}")
    trainer.run()
    trainer.model.eval()
    rows = [
        measure(trainer.model, trainer.task, setting.without_memory(), EVALUATION_SEED)
        for setting in recipe.evaluation
    ]
    told = as_json(trainer.task, rows) | {"training": provenance(name, trainer)}
    write_json(folder / BASELINE_FILE, told)
    return folder / BASELINE_FILE


def provenance(name: str, trainer: Trainer) -> dict[str, Any]:
    """How a training came to its result, for the files that hold it."""
    return {
        "recipe": name,
        "seed": trainer.seed,
        "updates": trainer.progress.update,
        "sequences": trainer.progress.sequences,
        "settings": trainer.recipe.model_dump(
            mode="json", exclude={"selection", "own_write", "evaluation", "reach"}
        ),
        **validated(trainer),
        "evaluation": [s.model_dump(mode="json") for s in trainer.recipe.evaluation],
        "device": str(trainer.device),
        "libraries": libraries(),
    }


def validated(trainer: Trainer) -> dict[str, Any]:
    """The best validation, whose weights are kept, where there was any."""
    progress = trainer.progress
    if not progress.best_update:
        return {}
    told = {"error": progress.best_error, "update": progress.best_update}
    return {"validation": told | {"stopped_early": progress.stopped}}


def libraries() -> dict[str, Any]:
    """Versions that a training's result may depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
