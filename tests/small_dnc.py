"""Small random Differentiable Neural Computers, saved and exported as real ones are."""

from pathlib import Path
from typing import Any

import torch

from ntm import DNC
from ntm.export.write import export_onnx, export_torchscript
from ntm.repository import checkpoint
from ntm.tasks import GraphTraversal
from tests.small_models import TASK

MODELS: dict[str, dict[str, Any]] = {
    "dnc": {"controller_size": 9, "N": 10, "W": 5, "num_reads": 2, "usage_levels": 256},
    "dnc-fixed": {
        "controller": "feedforward",
        "controller_size": 7,
        "N": 9,
        "W": 3,
        "usage_levels": 256,
        "masking": True,
        "deallocation": True,
        "sharp_links": True,
        "layer_norm": True,
    },
}


WALKS = GraphTraversal(max_edges=6, max_path=2)


def make(name: str, seed: int = 3) -> DNC:
    """A random model that writes and reads all over its memory.

    Of this seed no usage comes to lie on the edge of a level in the tests' sequences.
    """
    torch.manual_seed(seed)
    model = DNC(input_size=TASK.input_size, output_size=TASK.output_size, **MODELS[name])
    with torch.no_grad():
        model.interface.linear.weight.mul_(3)
        model.output.weight.mul_(3)
    return model.eval()


def build(models: Path) -> Path:
    """All of them, exported to both forms."""
    for name in MODELS:
        folder = checkpoint.save(models / name / "1", make(name), TASK, {"seed": 1})
        export_onnx(folder)
        export_torchscript(folder)
    torch.manual_seed(1)
    sizes = {"input_size": WALKS.input_size, "output_size": WALKS.output_size}
    walker = DNC(controller="feedforward", controller_size=5, N=8, W=4, links=False, **sizes)
    export_onnx(checkpoint.save(models / "walks" / "1", walker.eval(), WALKS, {"seed": 1}))
    return models
