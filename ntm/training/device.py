"""Where a training computes: the CPU, a CUDA device, or Apple's GPU."""

from dataclasses import dataclass
from typing import Self

import torch

from ntm.training.loss import TrainingError


@dataclass(frozen=True)
class Present:
    """What this machine has."""

    cuda: bool
    mps: bool

    @classmethod
    def here(cls) -> Self:
        """As torch sees it."""
        return cls(torch.cuda.is_available(), torch.backends.mps.is_available())


def choose(name: str, present: Present) -> torch.device:
    """The device of a name; `auto` takes the first there is of cuda, mps and cpu.

    Raises:
        TrainingError: this machine has no such device, or this torch was built without it
    """
    there = {"cuda": present.cuda, "mps": present.mps, "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, found in there.items() if found))
    if not there[name]:
        found = ", ".join(device for device, found in there.items() if found)
        raise TrainingError(f"--device {name} is not to be had here, only {found}")
    return torch.device(name)
