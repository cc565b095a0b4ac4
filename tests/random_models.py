"""Small random models of every wiring, and sequences to run them on."""

from typing import Any

import numpy as np
import pytest
import torch

from ntm import NTM
from tests import reference

SIZES: dict[str, Any] = {
    "input_size": 3,
    "output_size": 2,
    "controller_size": 7,
    "N": 5,
    "M": 4,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "feedforward": {"controller": "feedforward"},
    "several heads": {"num_reads": 3, "num_writes": 2},
    "several heads, feedforward": {
        "num_reads": 2,
        "num_writes": 3,
        "controller": "feedforward",
    },
    "five shifts": {"shift_range": 5, "N": 11},
    "one slot": {"N": 1, "num_writes": 2},
    "two slots": {"N": 2, "num_reads": 2},
    "more shifts than slots": {"N": 2, "shift_range": 5},
    "all sizes one": {"input_size": 1, "output_size": 1, "controller_size": 1, "N": 3, "M": 1},
    "odd sizes": {"input_size": 7, "output_size": 5, "controller_size": 13, "N": 9, "M": 3},
    "learned memory": {"initial_memory": "learned"},
    "identity output": {"output": "identity"},
    "softmax output": {"output": "softmax", "output_size": 3},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())


def make(
    seed: int = 0, scale: float = 3.0, dtype: torch.dtype = torch.float64, **sizes: Any
) -> NTM:
    """A random model whose heads are opinionated: weights `scale` times the usual."""
    torch.manual_seed(seed)
    model = NTM(**{**SIZES, **sizes})
    with torch.no_grad():
        model.heads.linear.weight.mul_(scale)
        model.heads.linear.bias.mul_(scale)
    return model.to(dtype)


def draw(model: NTM, steps: int = 6, batch: int = 3, seed: int = 1) -> torch.Tensor:
    """A random sequence [T, B, I] of the model's type."""
    shape = (steps, batch, model.config.input_size)
    numbers = np.random.default_rng(seed).normal(size=shape)
    return torch.from_numpy(numbers).to(model.output.weight.dtype)


def weights_of(model: NTM) -> reference.Weights:
    """The checkpoint's tensors in float64."""
    return {name: t.detach().double().numpy() for name, t in model.state_dict().items()}
