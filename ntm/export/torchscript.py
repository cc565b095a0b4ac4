"""The same graphs as TorchScript: the traced step in a scripted loop, any number of steps."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ntm.architectures.ntm.model import NTM, NTMState
from ntm.export.check import Pins, Runner
from ntm.repository.checkpoint import weights_of
from ntm.signature import Signature, State, learned_values, signature


class _PredictStep(nn.Module):
    """One step over lists of tensors in the signature's order, as tracing wants it."""

    def __init__(self, model: NTM) -> None:
        super().__init__()
        self.model, self.told = model, signature(model.config)
        self.pinnable = [stage.name for stage in self.told.stages if stage.pinnable]

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        logits, after, _ = self.model.step(x, self._named(state))
        output = self.model.activate(logits)
        return [output, after.read_weightings, after.write_weightings], self._listed(after)

    @staticmethod
    def _named(state: list[Tensor]) -> NTMState:
        memory, read, write, reads, *controller = state
        return NTMState(memory, read, write, reads, tuple(controller))

    @staticmethod
    def _listed(state: NTMState) -> list[Tensor]:
        return [*state[:4], *state.controller]


class _InspectStep(_PredictStep):
    """The same with every stage given and pins taken."""

    def forward(  # type: ignore[override]
        self, x: Tensor, state: list[Tensor], pins: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        def pin(stage: str, value: Tensor) -> Tensor:
            at = 2 * self.pinnable.index(stage)
            return torch.where(pins[at + 1], pins[at], value)

        logits, after, record = self.model.step(x, self._named(state), pin)
        stages = [getattr(record, stage.name) for stage in self.told.stages]
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
            given, state = self.step(x[t], state, [pin[t] for pin in pins])
            if t == 0:
                over_time = [[value] for value in given]
            else:
                for i, value in enumerate(given):
                    over_time[i].append(value)
        return [torch.stack(values) for values in over_time], state


def script(model: NTM, kind: str) -> torch.jit.ScriptModule:
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


def _example(model: NTM, kind: str) -> tuple[Tensor | list[Tensor], ...]:
    """Inputs whose dimensions all differ, so that tracing can take none for another."""
    told = signature(model.config)
    learned = learned_values(model.config, weights_of(model))
    state = told.initial_state(3, told.fixed_slots or 11, learned)
    tensors = [torch.from_numpy(value) for value in state.values()]
    x = torch.zeros(3, told.input_size)
    if kind == "predict":
        return x, tensors
    pins: list[Tensor] = []
    for stage in told.stages:
        if stage.pinnable:
            pins += [torch.zeros(1, 1, 1), torch.zeros(1, 1, 1, dtype=torch.bool)]
    return x, tensors, pins


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
        given_names += ["read_weightings", "write_weightings"]
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
