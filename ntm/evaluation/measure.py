"""Measure a model on sequences it has never seen: the content of its evaluation.json."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from ntm import seeds
from ntm.tasks import Sizes, Task
from ntm.training.recipe import Setting

SLOTS_PER_BATCH = 2**19
EVALUATION_SEED = 1


class Predictor(Protocol):
    """What can be measured: a Neural Turing Machine, or a model without a memory."""

    @property
    def memory_slots(self) -> int:
        """N when nobody asks for another number; 0 without a memory."""

    def predict(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """[T, B, input_size] to [T, B, output_size]."""


class Measurement(BaseModel):
    """What one setting gave: errors a sequence, in the task's unit."""

    model_config = ConfigDict(frozen=True)

    sizes: Sizes
    memory_slots: int
    sequences: int
    seed: int
    mean: float
    median: float
    worst: float
    perfect: float  # share of sequences with the lowest error possible
    optimum: float = 0.0  # mean of the lowest error possible on the same sequences
    beyond_training: bool | None = None  # larger than any sequence of the training; None: unknown


def measure(
    model: Predictor,
    task: Task,
    setting: Setting,
    seed: int,
    *,
    role: str = "evaluation",
    advance: Callable[[int], object] = lambda sequences: None,
) -> Measurement:
    """Run a setting's sequences through the model.

    Args:
        model: in evaluation mode
        task: draws the sequences
        setting: sizes, memory slots and how many sequences
        seed: of the generator of this role
        role: "evaluation" or "selection"; their streams never meet
        advance: told how many sequences have just been done
    """
    slots = setting.memory_slots or model.memory_slots
    rng = seeds.generator(role, seed)
    at_once = max(1, SLOTS_PER_BATCH // max(1, slots))
    errors: list[float] = []
    lowest: list[float] = []
    while len(errors) < setting.sequences:
        episode = task.sample(rng, min(at_once, setting.sequences - len(errors)), **setting.sizes)
        with torch.inference_mode():
            inputs = torch.from_numpy(episode.inputs).to(device_of(model))
            outputs = model.predict(inputs, slots).cpu()
        errors.extend(task.error(outputs.numpy(), episode.targets).tolist())
        lowest.extend(task.lowest_error(episode).tolist())
        advance(episode.inputs.shape[1])
    return Measurement(
        sizes=setting.sizes,
        memory_slots=slots,
        sequences=len(errors),
        seed=seed,
        mean=float(np.mean(errors)),
        median=float(np.median(errors)),
        worst=float(np.max(errors)),
        perfect=float(np.mean(np.asarray(errors) <= np.asarray(lowest))),
        optimum=float(np.mean(lowest)),
    )


def device_of(model: Predictor) -> torch.device:
    """Where a model's parameters are."""
    parameters = model.parameters() if isinstance(model, nn.Module) else iter(())
    return next((parameter.device for parameter in parameters), torch.device("cpu"))


def as_json(task: Task, measurements: Iterable[Measurement]) -> dict[str, Any]:
    """The content of evaluation.json."""
    return {
        "task": task.name,
        "unit": f"{task.unit} a sequence",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "torch": torch.__version__,
        "results": [m.model_dump() for m in measurements],
    }
