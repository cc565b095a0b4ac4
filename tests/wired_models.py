"""Small random models of every wiring that ntm/2 knows by name, and of what no preset has."""

from typing import Any

import torch

from ntm import WiredNTM
from ntm.architectures.ntm.wired.wiring import PRESETS, Wiring

SIZES: dict[str, Any] = {
    "input_size": 3,
    "output_size": 2,
    "controller_size": 7,
    "N": 5,
    "M": 4,
}
DENSE: dict[str, Any] = {"controller": "feedforward"}
PAIRED: dict[str, Any] = {"num_reads": 2, "num_writes": 2}
VARIANTS: dict[str, dict[str, Any]] = {
    **{name: {"wiring": wiring} for name, wiring in PRESETS.items()},
    "lasagne": {"wiring": PRESETS["lasagne"], "initial_memory": "first-slot", **DENSE},
    "fumin": {"wiring": PRESETS["fumin"], "initial_memory": "learned", **DENSE, **PAIRED},
    "vlgiitr": {"wiring": PRESETS["vlgiitr"], "initial_memory": "learned"},
    "recurrent": {
        "wiring": PRESETS["lasagne"],
        "controller": "recurrent",
        "initial_memory": "first-slot",
        "num_reads": 2,
    },
    "pairs": {
        "wiring": PRESETS["vlgiitr"].model_copy(update={"order": "pairs"}),
        "initial_memory": "learned",
        **PAIRED,
    },
    "previous read": {
        "wiring": PRESETS["clemkoa"].model_copy(update={"previous": "read"}),
        "num_reads": 2,
    },
    "layers below": {
        "wiring": Wiring(activation="relu", key="clipped", add="clipped", first_reads="learned"),
        "layers_below": (6, 5),
        "initial_memory": "positional",
        **DENSE,
    },
}


def make(name: str, seed: int = 0, **sizes: Any) -> WiredNTM:
    """A random model that moves its heads about and writes a lot."""
    torch.manual_seed(seed)
    model = WiredNTM(**{**SIZES, **VARIANTS[name], **sizes})
    with torch.no_grad():
        model.heads.linear.weight.mul_(3)
        model.heads.linear.bias.mul_(3)
        for parameter in model.starts.parameters():
            parameter.normal_()
    return model.eval()
