"""One step with explicit state: what the torch modules of all architectures share.

An architecture adds its configuration, the state before the first step, and the step.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ntm.architectures import catalogue
from ntm.interventions.edits import Edits, Where, resolve
from ntm.signature import Signature

Pin = Callable[[str, Tensor], Tensor]


class Unrolled(NamedTuple):
    """A whole sequence: time is the first axis of the outputs and of every recorded stage."""

    outputs: Tensor  # [T, B, O]
    state: Any
    record: Any


def unpinned(stage: str, value: Tensor) -> Tensor:
    """The pin that changes nothing."""
    return value


def used(pins: dict[str, Where]) -> Pin:
    """The pin that uses these, [1, H, width] each, where they are in force."""
    return lambda stage, value: replaced(value, pins[stage]) if stage in pins else value


def edited_inputs(sequence: Tensor, edits: Edits) -> Tensor:
    """The sequence [T, B, input_size] that the model is to see."""
    for steps, row in edits.inputs:
        sequence = sequence.clone()
        sequence[steps] = torch.from_numpy(row).to(sequence)
    return sequence


def edited_state(model: "Model", state: Any, edits: Edits, step: int) -> Any:
    """The state that a step is to start from."""
    changes = edits.state(step)
    if not changes:
        return state
    tensors = model.named_state(state)
    for name, at in changes.items():
        tensors[name] = replaced(tensors[name], at)
    return model.state_from(tensors)


def replaced(value: Tensor, at: Where) -> Tensor:
    """A tensor with another value somewhere."""
    where, pin = (torch.from_numpy(array).to(value.device) for array in at)
    return torch.where(where, pin.to(value.dtype), value)


StateTuple = TypeVar("StateTuple", bound=tuple[Any, ...])


def detached(state: StateTuple) -> StateTuple:
    """A state, or a part of one, without the history of its tensors."""
    values = [v.detach() if isinstance(v, Tensor) else detached(v) for v in state]
    kind: Any = type(state)
    made: StateTuple = kind(*values) if hasattr(state, "_fields") else kind(values)
    return made


def ended(model: "Model", before: Any, after: Any, running: Tensor) -> Any:
    """The state after a step that only some rows had: the others keep that before it.

    Args:
        model: whose states these are
        before, after: of all rows
        running: which rows had the step [B]
    """
    kept, tensors = model.named_state(before), model.named_state(after)
    for name, value in tensors.items():
        rows = running.view(-1, *[1] * (value.dim() - 1))
        tensors[name] = torch.where(rows, value, kept[name])
    return model.state_from(tensors)


class Model(nn.Module):
    """One step with explicit state; B is the batch, I and O the sizes of input and output."""

    config: Any

    @property
    def is_taught(self) -> bool:
        """Whether training feeds the right answers back, by `taught_logits`."""
        return False

    def initial_state(self, batch_size: int, memory_slots: int | None = None) -> Any:
        """The state before the first step, a named tuple of tensors."""
        raise NotImplementedError

    def step(self, x: Tensor, state: Any, pin: Pin = unpinned) -> tuple[Tensor, Any, Any]:
        """One step, with everything that happened in it.

        Args:
            x: [B, I]
            state: the last step's state
            pin: called with the name and value of every stage; what it returns is used instead
        Returns:
            the output before its activation [B, O], the new state, and the stages, [B, *shape] as
            the signature says: a named tuple, or tensors by name
        """
        raise NotImplementedError

    def named_state(self, state: Any) -> dict[str, Tensor]:
        """The state's tensors by the signature's names, in its order."""
        return dict(state._asdict())

    def state_from(self, tensors: dict[str, Tensor]) -> Any:
        """The state with these tensors; the inverse of `named_state`."""
        raise NotImplementedError

    @property
    def memory_slots(self) -> int:
        """N when nobody asks for another number."""
        return int(self.config.N)

    def activate(self, logits: Tensor) -> Tensor:
        """The output's activation, as the config says."""
        if self.config.output == "softmax":
            return torch.softmax(logits, dim=-1)
        return torch.sigmoid(logits) if self.config.output == "sigmoid" else logits

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """One step: x [B, I] and a state to the output [B, O] and the next.

        Without a state the step is the first of a sequence.
        """
        logits, state, _ = self.step(x, self.initial_state(x.shape[0]) if state is None else state)
        return self.activate(logits), state

    def logits(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs before their activation for a whole sequence, for training.

        Args:
            sequence: [T, B, I]
            memory_slots: N, by default the config's
        Returns:
            [T, B, O]
        """
        return self.advance(sequence, self.initial_state(sequence.shape[1], memory_slots))[0]

    def taught_logits(self, sequence: Tensor, targets: Tensor, rng: np.random.Generator) -> Tensor:
        """As `logits`, where a step is told the right answer of the last one; see `is_taught`.

        Args:
            sequence: [T, B, I]
            targets: [T, B, O], NaN where no answer is due
            rng: of what training makes up
        """
        raise NotImplementedError

    def advance(self, sequence: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Several steps: [T, B, I] to outputs before their activation and a new state."""
        steps = []
        for x in sequence.unbind(0):
            logits, state, _ = self.step(x, state)
            steps.append(logits)
        return torch.stack(steps), state

    def predict(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs alone for a whole sequence, shapes as for `logits`."""
        if sequence.dim() == 2:
            sequence = sequence.unsqueeze(1)
        # Tensors kept of every step would hold the heap between those that are let go.
        outputs = sequence.new_zeros((*sequence.shape[:2], self.config.output_size))
        state = self.initial_state(sequence.shape[1], memory_slots)
        for t, (output, _, _) in enumerate(self.steps(sequence, state)):
            outputs[t] = output
        return outputs

    def unroll(
        self,
        sequence: Tensor,
        state: Any = None,
        *,
        record: Literal["addressing"] | None = None,
        memory_slots: int | None = None,
        interventions: Any = (),
        lengths: Sequence[int] | Tensor | None = None,
        batch_first: bool = False,
    ) -> Unrolled:
        """Run a whole sequence.

        Args:
            sequence: [T, B, I], or [T, I] for a batch of one
            state: where to continue; by default a new sequence
            record: "addressing" keeps every stage of every step, the memory included
            memory_slots: N of a new sequence, by default the config's
            interventions: what to change on the way, in every row of the batch, as in
                `[{"steps": "20:41", "head": "read.0", "set": {"gate": 0}}]`
            lengths: steps of every row [B]; after them its outputs are 0 and its state stays
            batch_first: the sequence is [B, T, I], and outputs and record are [B, T, ...]
        Returns:
            outputs, last state, record; all with the batch axis
        Raises:
            InterventionError: an intervention does not fit; the message names it
            ValueError: lengths do not fit
        """
        if sequence.dim() == 2:
            sequence = sequence.unsqueeze(0 if batch_first else 1)
        if batch_first:
            sequence = sequence.transpose(0, 1)
        ends = None if lengths is None else checked_lengths(lengths, sequence)
        if state is None:
            state = self.initial_state(sequence.shape[1], memory_slots)
        last, outputs, records = state, [], []
        for t, (output, after, stages) in enumerate(self.steps(sequence, state, interventions)):
            if ends is None:
                last = after
            else:
                running = ends > t
                last = ended(self, last, after, running)
                output = torch.where(running[:, None], output, 0.0)
            outputs.append(output)
            if record:
                records.append(stages)
        told = stacked(records, dim=int(batch_first)) if records else None
        return Unrolled(torch.stack(outputs, dim=int(batch_first)), last, told)

    def steps(
        self, sequence: Tensor, state: Any, interventions: Any = ()
    ) -> Iterator[tuple[Tensor, Any, Any]]:
        """Run a whole sequence and keep nothing of it.

        Args:
            sequence: [T, B, I]
            state: where to start
            interventions: as for `unroll`
        Yields:
            the output [B, O], the new state and the stages of every step
        Raises:
            InterventionError: an intervention does not fit; the message names it
        """
        edits = resolve(interventions, self.signature, len(sequence), self.slots_of(state))
        for t, x in enumerate(edited_inputs(sequence, edits).unbind(0)):
            pin = used(edits.pins(t, t + 1)) if edits.pinned[t] else unpinned
            logits, state, stages = self.step(x, edited_state(self, state, edits, t), pin)
            yield self.activate(logits), state, stages

    @property
    def signature(self) -> Signature:
        """What the model takes, gives, carries and shows."""
        return catalogue.signature_of(self.config)

    def slots_of(self, state: Any) -> int:
        """N of a state."""
        tensors = self.named_state(state)
        return self.signature.slots_of({name: tuple(v.shape) for name, v in tensors.items()})


def checked_lengths(lengths: Sequence[int] | Tensor, sequence: Tensor) -> Tensor:
    """The steps of every row of a sequence [T, B, I], [B].

    Raises:
        ValueError: there are not as many as rows, or one is not from 1 to T
    """
    steps, batch, _ = sequence.shape
    ends = torch.as_tensor(lengths, device=sequence.device)
    if ends.shape != (batch,) or ends.is_floating_point():
        raise ValueError(f"lengths should be {batch} whole numbers, got {list(ends.shape)}")
    if bool((ends < 1).any() or (ends > steps).any()):
        raise ValueError(f"lengths should be from 1 to {steps}, got {ends.tolist()}")
    return ends


def stacked(records: list[Any], dim: int = 0) -> Any:
    """The stages of all steps as one record of the same kind, time at an axis."""
    first = records[0]
    if isinstance(first, dict):
        return {name: torch.stack([record[name] for record in records], dim) for name in first}
    return type(first)(*(torch.stack(values, dim) for values in zip(*records, strict=True)))


def stages_of(record: Any) -> dict[str, Tensor]:
    """The stages of a step by name, however its model gives them."""
    stages: dict[str, Tensor] = record if isinstance(record, dict) else record._asdict()
    return stages
