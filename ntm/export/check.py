"""Compare an exported graph with the eager model before anybody gets to use it."""

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from ntm.architectures import catalogue
from ntm.architectures.model import Model, stacked, stages_of
from ntm.repository.checkpoint import weights_of
from ntm.signature import Signature, State

TOLERANCE = 1e-5
HEADROOM = 10  # times the error that float32 makes in the eager model itself
BATCHES = (1, 3)
LIVED_STEPS = 6
SLOTS = (5, 128)

Pins = dict[str, NDArray[np.generic]]
Runner = Callable[[NDArray[np.float32], State, Pins], tuple[State, State]]


class ExportError(Exception):
    """An exported graph that does not do what the model does."""


def check(model: Model, kind: str, steps: int, run: Runner) -> float:
    """Run random sequences from random states through both, for several batches and N.

    Args:
        model: the eager model, in evaluation mode
        kind: "predict", or "inspect", which is also tried with random pins
        steps: K
        run: x [K, B, I], state, pins to (outputs and stages, next state), by name
    Returns:
        the largest absolute difference from the eager model seen
    Raises:
        ExportError: a tensor is further from the model in float64 than 1e-5 and ten times what
            the eager model in float32 is; it names the tensor
    """
    told, precise = model.signature, copy.deepcopy(model).double()
    rng, worst = np.random.default_rng(0), 0.0
    for batch, slots in _shapes(told):
        x = rng.normal(size=(steps, batch, told.input_size)).astype(np.float32)
        state = random_state(rng, told, batch, slots) | bounded_state(rng, model, batch, slots)
        pins = random_pins(rng, told, steps, batch, slots) if kind == "inspect" else {}
        expected = eager(model, x, state, pins, kind)
        exact = eager(precise, x, state, pins, kind)
        given, after = run(x, state, pins)
        actual = given | {f"next.{name}": value for name, value in after.items()}
        for name, value in expected.items():
            difference = float(np.abs(actual[name] - value).max(initial=0))
            allowed = TOLERANCE + HEADROOM * np.abs(value - exact[name]).max(initial=0)
            if not np.abs(actual[name] - exact[name]).max(initial=0) <= allowed:
                raise ExportError(
                    f"the {kind} graph of {steps} steps differs from the model in {name} by "
                    f"{difference:.2g} (batch {batch}, {slots} slots)"
                )
            worst = max(worst, difference)
    return worst


def eager(
    model: Model, x: NDArray[np.float32], state: State, pins: Pins, kind: str
) -> dict[str, NDArray[np.float32]]:
    """What the PyTorch model gives: outputs, weightings or stages, and `next.<state>`."""
    told = model.signature
    dtype = next(model.parameters()).dtype
    tensors = {name: torch.tensor(value, dtype=dtype) for name, value in state.items()}
    now = model.state_from(tensors)
    outputs, records = [], []
    with torch.inference_mode():
        for t, step_input in enumerate(torch.tensor(x, dtype=dtype)):

            def pin(stage: str, value: torch.Tensor, t: int = t) -> torch.Tensor:
                if f"pin.{stage}" not in pins:
                    return value
                chosen = torch.from_numpy(pins[f"pinned.{stage}"][t])
                return torch.where(
                    chosen, torch.tensor(pins[f"pin.{stage}"][t], dtype=dtype), value
                )

            logits, now, record = model.step(step_input, now, pin)
            outputs.append(model.activate(logits))
            records.append(record)
    stages = stages_of(stacked(records))
    given = {"outputs": torch.stack(outputs)}
    if kind == "predict":
        given |= told.weightings(stages, axis=2)
    else:
        given |= {stage.name: stages[stage.name] for stage in told.stages}
    given |= {f"next.{name}": value for name, value in model.named_state(now).items()}
    return {name: value.numpy() for name, value in given.items()}


def random_state(rng: np.random.Generator, told: Signature, batch: int, slots: int) -> State:
    """A state such as the middle of a sequence has; weightings sum to 1."""
    known = {"batch": batch, "slots": slots}
    state: State = {}
    for tensor in told.state:
        shape = [known[d] if isinstance(d, str) else d for d in tensor.shape]
        value = rng.normal(size=shape)
        if tensor.counts_steps:
            value = np.floor(rng.uniform(0, slots, size=shape))
        if tensor.name.endswith("weightings"):
            value = np.exp(3 * value)
            value /= value.sum(axis=-1, keepdims=True)
        state[tensor.name] = value.astype(np.float32)
    return state


def bounded_state(rng: np.random.Generator, model: Model, batch: int, slots: int) -> State:
    """State tensors whose values are bounded and hang together, as a few random steps leave them.

    A link of which a slot's row sums to more than 1, say, is in no run.
    """
    told = model.signature
    bounded = {stage.name for stage in told.stages if stage.bounds == (0, 1)}
    names = [tensor.name for tensor in told.state if tensor.name in bounded]
    if not names:
        return {}
    learned = catalogue.learned_values_of(model.config, weights_of(model))
    x = rng.normal(size=(LIVED_STEPS, batch, told.input_size)).astype(np.float32)
    after = eager(model, x, told.initial_state(batch, slots, learned), {}, "predict")
    return {name: after[f"next.{name}"] for name in names}


def random_pins(
    rng: np.random.Generator, told: Signature, steps: int, batch: int, slots: int
) -> Pins:
    """A pin for every pinnable stage, in force at about half of the heads and steps."""
    pins: Pins = {}
    for stage in told.stages:
        if stage.pinnable:
            inner = [slots if d == "slots" else int(d) for d in stage.shape]
            value = rng.random((steps, batch, *inner), dtype=np.float32)
            value += max(stage.bounds[0] or 0, 0)
            if stage.kind in ("distribution", "weighting"):
                value /= value.sum(axis=-1, keepdims=True)
            pins[f"pin.{stage.name}"] = value
            pins[f"pinned.{stage.name}"] = rng.random((steps, batch, inner[0], 1)) < 0.5
    return pins


def _shapes(told: Signature) -> Iterator[tuple[int, int]]:
    for slots in SLOTS if told.fixed_slots is None else (told.fixed_slots,):
        for batch in BATCHES:
            yield batch, slots
