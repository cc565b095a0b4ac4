"""The same graphs as TorchScript: the traced step in a scripted loop, any number of steps."""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ntm.architectures import catalogue
from ntm.architectures.model import Model, stages_of
from ntm.export.check import Pins, Runner
from ntm.repository.checkpoint import weights_of
from ntm.signature import Signature, State


class _PredictStep(nn.Module):
    """One step over lists of tensors in the signature's order, as tracing wants it."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model, self.told = model, model.signature
        self.pinnable = [stage.name for stage in self.told.stages if stage.pinnable]

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        logits, after, record = self.model.step(x, self._named(state))
        weightings = self.told.weightings(stages_of(record), axis=1)
        return [self.model.activate(logits), *weightings.values()], self._listed(after)

    def _named(self, state: list[Tensor]) -> Any:
        names = [tensor.name for tensor in self.told.state]
        return self.model.state_from(dict(zip(names, state, strict=True)))

    def _listed(self, state: Any) -> list[Tensor]:
        return list(self.model.named_state(state).values())


class _InspectStep(_PredictStep):
    """The same with every stage given and pins taken."""

    def forward(  # type: ignore[override]
        self, x: Tensor, state: list[Tensor], pins: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        def pin(stage: str, value: Tensor) -> Tensor:
            at = 2 * self.pinnable.index(stage)
            return torch.where(pins[at + 1], pins[at], value)

        logits, after, record = self.model.step(x, self._named(state), pin)
        recorded = stages_of(record)
        stages = [recorded[stage.name] for stage in self.told.stages]
        return [self.model.activate(logits), *stages], self._listed(after)


class _PredictLoop(nn.Module):
    """Walks a sequence [T, B, I] step by step and stacks what every step gave."""

    def __init__(self, step: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.step = step

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        over_time: list[list[Tensor]] = []
        for t in range(x.size(0)):
            given, state = self.step(x[t], state)
            if t == 0:
                over_time = [[value] for value in given]
            else:
                for i, value in enumerate(given):
                    over_time[i].append(value)
        return [torch.stack(values) for values in over_time], state


class _InspectLoop(nn.Module):
    """The same with pins, [T, ...] each."""

    def __init__(self, step: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.step = step

    def forward(
        self, x: Tensor, state: list[Tensor], pins: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        over_time: list[list[Tensor]] = []
        for t in range(x.size(0)):
            # the input again, unused: a traced list is never empty
            given, state = self.step(x[t], state, [pin[t] for pin in pins] + [x[t]])
            if t == 0:
                over_time = [[value] for value in given]
            else:
                for i, value in enumerate(given):
                    over_time[i].append(value)
        return [torch.stack(values) for values in over_time], state


def script(model: Model, kind: str) -> torch.jit.ScriptModule:
    """A frozen module for any number of steps.

    `predict`: forward(x, state) to (outputs and weightings, state); `inspect`: forward(x, state,
    pins) to (outputs and stages, state). Lists follow the signature's order; pins alternate `pin`
    and `pinned` for the pinnable stages.
    """
    example = _example(model, kind)
    step, loop = (_InspectStep, _InspectLoop) if kind == "inspect" else (_PredictStep, _PredictLoop)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer's, on lists whose length never changes
        traced = torch.jit.trace(step(model).eval(), example, check_trace=False)
        frozen: torch.jit.ScriptModule = torch.jit.freeze(torch.jit.script(loop(traced).eval()))
    return frozen


def _example(model: Model, kind: str) -> tuple[Tensor | list[Tensor], ...]:
    """Inputs whose dimensions all differ, so that tracing can take none for another."""
    told = model.signature
    learned = catalogue.learned_values_of(model.config, weights_of(model))
    state = told.initial_state(3, 11 if told.fixed_slots is None else told.fixed_slots, learned)
    tensors = [torch.from_numpy(value) for value in state.values()]
    x = torch.zeros(3, told.input_size)
    if kind == "predict":
        return x, tensors
    pins: list[Tensor] = []
    for stage in told.stages:
        if stage.pinnable:
            pins += [torch.zeros(1, 1, 1), torch.zeros(1, 1, 1, dtype=torch.bool)]
    return x, tensors, [*pins, x]


def runner(module: torch.jit.ScriptModule, told: Signature, kind: str) -> Runner:
    """Run a scripted module by names, as an ONNX graph is run."""
    pin_names = [
        f"{role}.{stage.name}"
        for stage in told.stages
        if stage.pinnable
        for role in ("pin", "pinned")
    ]
    given_names = ["outputs"]
    if kind == "predict":
        given_names += told.sides
    else:
        given_names += [stage.name for stage in told.stages]

    def run(x: NDArray[np.float32], state: State, pins: Pins) -> tuple[State, State]:
        operands = [torch.from_numpy(x), [torch.from_numpy(v) for v in state.values()]]
        if kind == "inspect":
            operands.append([torch.from_numpy(pins[name]) for name in pin_names])
        with torch.inference_mode():
            given, after = module(*operands)
        named = dict(zip(given_names, (v.numpy() for v in given), strict=True))
        states = zip((s.name for s in told.state), (v.numpy() for v in after), strict=True)
        return named, dict(states)

    return run
