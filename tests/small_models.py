"""A model repository of small random models, saved and exported as real ones are."""

from pathlib import Path
from typing import Any

import torch

from ntm import NTM
from ntm.export.write import export_onnx, export_torchscript
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from ntm.tasks import Copy

TASK = Copy(bits=4)
MODELS: dict[str, dict[str, Any]] = {
    "copy": {"controller_size": 12, "N": 16, "M": 6},
    "wide": {
        "controller": "feedforward",
        "controller_size": 9,
        "N": 10,
        "M": 5,
        "num_reads": 2,
        "num_writes": 2,
        "shift_range": 5,
    },
    "odd": {"controller_size": 7, "N": 9, "M": 3, "num_reads": 2},
    "learned": {"controller_size": 8, "N": 7, "M": 4, "initial_memory": "learned"},
}


def save(models: Path, name: str, version: int = 1) -> VersionFolder:
    """Write a random model of one of these sizes; another version has other weights."""
    return checkpoint.save(models / name / str(version), make(name, version), TASK, {"seed": 1})


def make(name: str, seed: int = 1) -> NTM:
    """A random model that moves its heads about: its weights are three times the usual."""
    torch.manual_seed(seed)
    sizes = {"input_size": TASK.input_size, "output_size": TASK.output_size, **MODELS[name]}
    model = NTM(**sizes)
    with torch.no_grad():
        model.heads.linear.weight.mul_(3)
        model.heads.linear.bias.mul_(3)
        model.output.weight.mul_(3)
        if name == "learned":
            model.get_parameter("learned_memory").normal_()
    return model.eval()


def build(models: Path) -> Path:
    """All of them, exported; copy and wide also to TorchScript, and a second version of copy."""
    for name, version in [*((name, 1) for name in MODELS), ("copy", 2)]:
        folder = save(models, name, version)
        export_onnx(folder)
        if version == 1 and name != "odd":
            export_torchscript(folder)
    return models
