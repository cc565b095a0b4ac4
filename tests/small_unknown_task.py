"""A model of a task that only its maker knows, saved and exported as any other."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from ntm import NTM
from ntm.export.write import export_onnx
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from ntm.tasks import Episode, Phase, Size, Sizes, Task
from ntm.tasks.base import Float


class Echo(Task):
    """Say what was heard a step ago; nobody has registered it."""

    name: ClassVar[str] = "echo"
    bits: int = 2

    @property
    def input_size(self) -> int:
        return self.bits + 1

    @property
    def output_size(self) -> int:
        return self.bits

    @property
    def sizes(self) -> dict[str, Size]:
        return {"length": Size(1, 9, 3, "steps")}

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        return {"length": 3}

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        raise AssertionError("nobody here can draw an example of it")

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        raise AssertionError("nobody here can tell its phases")


def build(models: Path) -> VersionFolder:
    """`mine/1` in a folder of models."""
    torch.manual_seed(1)
    model = NTM(input_size=3, output_size=2, controller_size=5, N=6, M=3).eval()
    version = checkpoint.save(models / "mine" / "1", model, Echo(), {"seed": 1})
    export_onnx(version)
    return version
