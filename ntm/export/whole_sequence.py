"""Compare a graph of a whole sequence with the eager model on sequences that the model is made for.

Over hundreds of steps a network may be chaotic on noise: any two float32 runs of it part. On
examples of its task it is not, or only far beyond what it learnt, and how far float32 can be
trusted is measured: by how far the eager model's own float32 is from its float64 at every step.
A trained model hides small faults on its task, and not on noise: that is compared for a few steps.
"""

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ntm.architectures.model import Model, stages_of
from ntm.export.check import TOLERANCE, ExportError
from ntm.tasks import Sizes, Task

BATCH = 4
NOISY_STEPS = 16
QUIET = 0.1  # standard deviation of the inputs of a whole sequence where there is no task
HEADROOM = 100  # times float32's own error: where it grows fast, two runs grow at different steps
TRUSTED = 0.1  # a bound above this says nothing of an output or a weighting, both about 0 to 1
BISECTIONS = 12

Array = NDArray[np.floating[Any]]


Run = Callable[[NDArray[np.float32]], Mapping[str, Array]]


class Agreement(NamedTuple):
    """How far a graph was from the eager model, over the steps at which float32 can be trusted."""

    difference: float
    steps: int  # from the first


def sequences(task: Task | None, width: int, steps: int) -> NDArray[np.float32]:
    """Sequences [steps, B, width] to compare on: examples of the task, one after another, or noise.

    An example is the shortest that is long enough, so that it is heard and answered.
    """
    if task is None:
        return noise(width, steps, QUIET)
    rng = np.random.default_rng(0)
    sizes, rows = sizes_for(task, steps), np.zeros((0, BATCH, width), np.float32)
    while len(rows) < steps:
        rows = np.concatenate([rows, task.sample(rng, BATCH, **sizes).inputs])
    return rows[:steps]


def noise(width: int, steps: int, deviation: float = 1.0) -> NDArray[np.float32]:
    """Normally distributed inputs [steps, B, width]."""
    size = (steps, BATCH, width)
    return np.random.default_rng(0).normal(scale=deviation, size=size).astype(np.float32)


def sizes_for(task: Task, steps: int) -> Sizes:
    """The default sizes times a common factor: as small as it can be for so many steps.

    Where the task has no example as long as that, its longest.
    """
    rng = np.random.default_rng(0)

    def scaled(factor: float) -> Sizes:
        return {
            name: min(size.high, max(size.low, math.ceil(factor * size.default)))
            for name, size in task.sizes.items()
        }

    def is_enough(factor: float) -> bool:
        return len(task.sample(rng, 1, **scaled(factor)).inputs) >= steps

    low, high = 0.0, 1.0
    while not is_enough(high):
        if scaled(2 * high) == scaled(high):
            return scaled(high)
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return scaled(high)


def check(model: Model, task: Task | None, steps: int, slots: int, run: Run) -> Agreement:
    """Compare a graph with the eager model on noise, and on examples of the task if it is known.

    Args:
        model: the eager model, in evaluation mode
        task: that it was trained on
        steps: of the graph
        slots: N
        run: [steps, B, input_size] to `outputs` and weightings by name
    Returns:
        how far they agree on the examples
    Raises:
        ExportError: as `compare`
    """
    width = model.config.input_size
    noisy = noise(width, steps)
    first = {name: value[:NOISY_STEPS] for name, value in run(noisy).items()}
    compare(model, noisy[:NOISY_STEPS], slots, first)
    sequence = sequences(task, width, steps)
    return compare(model, sequence, slots, run(sequence))


def compare(
    model: Model, sequence: NDArray[np.float32], slots: int, actual: Mapping[str, Array]
) -> Agreement:
    """Compare what a graph gave with what the eager model gives.

    Args:
        model: the eager model, in evaluation mode
        sequence: [T, B, input_size]
        slots: N
        actual: `outputs` [T, B, output_size] and weightings [T, B, heads, N] of the graph
    Raises:
        ExportError: an output or a weighting is further from the model in float64 than 1e-5 and
            a hundred times what the eager model in float32 has been so far, or a bit is another one
            where that bound leaves no choice; it names the tensor and the step
    """
    expected, exact = (
        eager(each, sequence, slots) for each in (model, copy.deepcopy(model).double())
    )
    bounds = {
        name: TOLERANCE + HEADROOM * np.maximum.accumulate(_furthest(value, exact[name]))
        for name, value in expected.items()
    }
    untrusted = np.logical_or.reduce([bound > TRUSTED for bound in bounds.values()])
    steps = int(untrusted.argmax()) if untrusted.any() else len(sequence)
    difference = 0.0
    for name, bound in bounds.items():
        error = _furthest(actual[name][:steps], exact[name][:steps])
        wrong = ~(error <= bound[:steps])
        if wrong.any():
            step = int(wrong.argmax())
            raise ExportError(
                f"the graph differs from the model in {name} by {error[step]:.2g} at step {step}"
            )
        difference = max(difference, _furthest(actual[name][:steps], expected[name][:steps]).max())
    return Agreement(float(difference), steps)


def eager(model: Model, sequence: NDArray[np.float32], slots: int) -> dict[str, Array]:
    """Outputs and weightings of the eager model, in the type of its parameters."""
    dtype, kept = next(model.parameters()).dtype, list[dict[str, torch.Tensor]]()
    with torch.inference_mode():
        rows = torch.from_numpy(sequence).to(dtype)
        state = model.initial_state(rows.shape[1], slots)
        for output, _, stages in model.steps(rows, state):
            weightings = model.signature.weightings(stages_of(stages), axis=1)
            kept.append({"outputs": output, **weightings})
    return {name: torch.stack([step[name] for step in kept]).numpy() for name in kept[0]}


def _furthest(value: Array, other: Array) -> NDArray[np.float64]:
    """The largest difference of every step; NaN where there is one."""
    inner = tuple(range(1, value.ndim))
    return np.asarray(np.abs(value - other).max(axis=inner, initial=0), np.float64)
