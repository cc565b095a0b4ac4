"""A model on disk: config.json and model.safetensors. Never a pickle."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ntm.architectures import catalogue
from ntm.repository.folders import RepositoryError, VersionFolder, describe, write_json
from ntm.tasks import Task


def save(folder: Path, model: Any, task: Task, training: dict[str, Any]) -> VersionFolder:
    """Write a model into a version's folder, which is made if need be.

    Args:
        folder: models/<name>/<version>
        model: what to save
        task: what it was trained on
        training: provenance (seed, updates, recipe, library versions)
    """
    version = VersionFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    description = describe(model.config, task, training)
    write_json(version.config, description.model_dump(mode="json"))
    tensors = {name: t.detach().contiguous() for name, t in model.state_dict().items()}
    save_file(tensors, version.checkpoint, metadata={"architecture": description.architecture})
    version.checkpoint.chmod(version.config.stat().st_mode)  # safetensors leaves it to the owner
    return version


def load(version: VersionFolder) -> Any:
    """Read a model, ready to run.

    Raises:
        RepositoryError: a file is missing, damaged, or does not belong to this model
    """
    config = version.description().config
    model = catalogue.of(config).model_class(config)
    tensors = read_tensors(version.checkpoint)
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name not in tensors:
            raise RepositoryError(f"{version.checkpoint}: tensor {name} is missing")
        if tensors[name].shape != tensor.shape:
            raise RepositoryError(
                f"{version.checkpoint}: tensor {name} has shape {list(tensors[name].shape)}, "
                f"config.json asks for {list(tensor.shape)}"
            )
        if not tensors[name].is_floating_point():
            raise RepositoryError(
                f"{version.checkpoint}: tensor {name} holds {tensors[name].dtype}, "
                f"expected {tensor.dtype}"
            )
        if not torch.isfinite(tensors[name].to(tensor.dtype)).all():
            raise RepositoryError(f"{version.checkpoint}: tensor {name} holds NaN or infinity")
    strangers = sorted(tensors.keys() - expected.keys())
    if strangers:
        raise RepositoryError(
            f"{version.checkpoint}: tensor {strangers[0]} is not part of this model"
        )
    model.load_state_dict(tensors)
    return model.eval()


def save_state(path: Path, model: Any, state: Any) -> None:
    """Write a state, to go on from later: safetensors with the architecture, no pickle.

    Args:
        path: of the file
        model: whose state it is
        state: as a step gives it
    """
    tensors = {n: t.detach().contiguous() for n, t in model.named_state(state).items()}
    copies = {name: tensor.clone() for name, tensor in tensors.items()}  # none shares memory
    save_file(copies, path, metadata={"architecture": model.config.architecture})


def load_state(path: Path, model: Any) -> Any:
    """Read a state that `save_state` wrote.

    Raises:
        RepositoryError: the file is missing or damaged, or the state of another kind of model
    """
    tensors = read_tensors(path)
    expected = {tensor.name: tensor.shape for tensor in model.signature.state}
    if tensors.keys() != expected.keys():
        raise RepositoryError(
            f"{path} holds {', '.join(sorted(tensors)) or 'nothing'}, but this model's state is "
            f"{', '.join(sorted(expected))}"
        )
    sizes: dict[str, int] = {}
    for name, shape in expected.items():
        actual = tuple(tensors[name].shape)
        known = tuple(sizes.get(axis, axis) if isinstance(axis, str) else axis for axis in shape)
        named = zip(known, actual, strict=False)
        if len(known) != len(actual) or any(k != a for k, a in named if isinstance(k, int)):
            raise RepositoryError(
                f"{path}: tensor {name} has shape {list(actual)}, this model wants {list(known)}"
            )
        sizes |= {k: a for k, a in zip(known, actual, strict=True) if isinstance(k, str)}
    return model.state_from(tensors)


def weights_of(model: Any) -> dict[str, NDArray[np.float32]]:
    """A model's parameters by name, as NumPy arrays."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file.

    Raises:
        RepositoryError: the file is missing, truncated, or no safetensors file
    """
    if not path.exists():
        raise RepositoryError(f"{path} is missing")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise RepositoryError(
            f"{path} is not a whole safetensors file (damaged, truncated or foreign): {error}"
        ) from error
