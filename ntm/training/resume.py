"""Everything an interrupted training needs to go on as if it had not been: one safetensors file."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from ntm.repository.folders import RepositoryError
from ntm.training.recipe import Recipe
from ntm.training.schedule import Progress


def save(
    path: Path,
    recipe: Recipe,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rng: np.random.Generator,
    progress: Progress,
) -> None:
    """Write the training's state; the old file stays whole until the new one is."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    told = {
        "recipe": recipe.model_dump_json(),
        "generator": json.dumps(rng.bit_generator.state),
        "progress": json.dumps(asdict(progress)),
    }
    fresh = path.with_suffix(".new")
    save_file(tensors, fresh, metadata=told)
    os.replace(fresh, path)


def load(
    path: Path,
    recipe: Recipe,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rng: np.random.Generator,
) -> Progress:
    """Put a saved state back into model, optimizer and generator.

    Raises:
        RepositoryError: the file is damaged or belongs to another recipe
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise RepositoryError(
            f"{path} is damaged ({error}); --fresh throws it away and starts over"
        ) from error
    if not told or "recipe" not in told:
        raise RepositoryError(f"{path} is no training state; --fresh throws it away")
    try:
        before = Recipe.model_validate_json(told["recipe"])
    except ValidationError as error:
        raise RepositoryError(
            f"{path} was written by another version of ntm ({error.error_count()} settings are "
            f"unknown here); use another --out, or --fresh to start over"
        ) from error
    if not before.trains_like(recipe):
        raise RepositoryError(
            f"{path} was written with other settings ({recipe.differences(before)}); use another "
            f"--out, or --fresh to start over"
        )
    model.load_state_dict(
        {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    )
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, field = name.split(".")
            state.setdefault(int(index), {})[field] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    rng.bit_generator.state = json.loads(told["generator"])
    return Progress(**json.loads(told["progress"]))
