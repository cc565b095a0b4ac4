"""Write a converted model into a repository, with where it came from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ntm.architectures import catalogue
from ntm.foreign.converted import Converted
from ntm.foreign.errors import ForeignFile
from ntm.foreign.fitting import fitting
from ntm.repository import checkpoint
from ntm.repository.folders import (
    NAME,
    ModelDescription,
    VersionFolder,
    digest,
    versions,
    write_json,
)
from ntm.tasks import TASKS, dump


def write(
    converted: Converted, file: Path, folder: Path, task: str | None, origin: Mapping[str, Any]
) -> VersionFolder:
    """The next version of a model.

    Args:
        converted: the model
        file: that it was read from
        folder: of the model, which is made if need be
        task: that it was trained on; None where that is none of ours
        origin: project, address and licence
    Raises:
        ForeignFile: the name or the task does not fit, or the tensors are not the model's
    """
    name = folder.name
    if not NAME.fullmatch(name):
        raise ForeignFile(f"a model's name should match {NAME.pattern}, got {name!r}")
    config = converted.config
    if task is None and name in TASKS:
        raise ForeignFile(f"{name} is the name of a task: say --task {name}, or --name another")
    told: dict[str, Any] = {"name": name}
    if task is not None:
        sizes = config.input_size, config.output_size
        told = dump(fitting(task, *sizes, str(origin["project"])))
    provenance = {**origin, "file": file.name, "sha256": digest(file), **converted.notes}
    fields = config.model_dump(mode="json")
    description = ModelDescription(
        architecture=fields.pop("architecture"),
        sizes=fields,
        task=told,
        training={"imported": provenance},
    )
    version = VersionFolder(folder / str(max(versions(folder), default=0) + 1))
    tensors = checked(converted)
    version.path.mkdir(parents=True)
    write_json(version.config, description.model_dump(mode="json"))
    save_file(tensors, version.checkpoint, metadata={"architecture": description.architecture})
    version.checkpoint.chmod(version.config.stat().st_mode)
    checkpoint.load(version)
    return version


def checked(converted: Converted) -> dict[str, Any]:
    """The parameters in float32, as the model has them.

    Raises:
        ForeignFile: one is missing, is of another shape, or leaves float32
    """
    config = converted.config
    expected = catalogue.of(config).model_class(config).state_dict()
    tensors = {
        name: np.ascontiguousarray(np.asarray(value), np.float32)
        for name, value in converted.weights.items()
    }
    for name in sorted(expected.keys() | tensors.keys()):
        ours = tuple(expected[name].shape) if name in expected else None
        theirs = tensors[name].shape if name in tensors else None
        if ours != theirs:
            raise ForeignFile(f"tensor {name} has shape {theirs}, the model wants {ours}")
        if not np.isfinite(tensors[name]).all():
            raise ForeignFile(f"tensor {name} leaves float32")
    return tensors
