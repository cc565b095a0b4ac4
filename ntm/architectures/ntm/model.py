"""The Neural Turing Machine: controllers, heads and memory, one step and a whole sequence.

State goes in and comes out; nothing is hidden in a module.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from ntm.architectures import controllers
from ntm.architectures.ntm.config import NTMConfig
from ntm.architectures.ntm.heads import Heads
from ntm.architectures.ntm.memory import NTMMemory
from ntm.interventions.edits import Edits, Where, resolve
from ntm.signature import INITIAL_VALUE, positions, signature

Pin = Callable[[str, Tensor], Tensor]


class NTMState(NamedTuple):
    """What one step hands to the next."""

    memory: Tensor  # M_t [B, N, M]
    read_weightings: Tensor  # [B, R, N]
    write_weightings: Tensor  # [B, W, N]
    reads: Tensor  # r_t [B, R, M]
    controller: tuple[Tensor, ...]  # (hidden, cell), each [B, C]; empty for feedforward


class StepRecord(NamedTuple):
    """Every stage of every head at one step, H = R + W heads, read heads first."""

    key: Tensor  # k [B, H, M]
    key_strength: Tensor  # β [B, H, 1]
    content_weighting: Tensor  # w^c [B, H, N]
    gate: Tensor  # g [B, H, 1]
    gated_weighting: Tensor  # w^g [B, H, N]
    shift: Tensor  # s [B, H, S]
    shifted_weighting: Tensor  # w~ [B, H, N]
    sharpening: Tensor  # γ [B, H, 1]
    weighting: Tensor  # w [B, H, N]
    erase: Tensor  # e [B, W, M]
    add: Tensor  # a [B, W, M]
    reads: Tensor  # r [B, R, M]
    hidden: Tensor  # h [B, C]
    cell: Tensor  # c [B, C]; [B, 0] for feedforward
    memory: Tensor  # M_{t-1} [B, N, M], the matrix that this step's reads saw


class Unrolled(NamedTuple):
    """A whole sequence: time is the first axis of the outputs and of every recorded stage."""

    outputs: Tensor  # [T, B, O]
    state: NTMState
    record: StepRecord | None


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


def edited_state(state: NTMState, edits: Edits, step: int) -> NTMState:
    """The state that a step is to start from."""
    for name, at in edits.state(step).items():
        state = state._replace(**{name: replaced(getattr(state, name), at)})  # type: ignore[arg-type]
    return state


def replaced(value: Tensor, at: Where) -> Tensor:
    """A tensor with another value somewhere."""
    where, pin = (torch.from_numpy(array).to(value.device) for array in at)
    return torch.where(where, pin.to(value.dtype), value)


class NTM(nn.Module):
    """A Neural Turing Machine (Graves, Wayne, Danihelka 2014).

    `NTM(config)` or `NTM(input_size=..., output_size=..., ...)` with the fields of `NTMConfig`.
    """

    def __init__(self, config: NTMConfig | None = None, **sizes: Any) -> None:
        super().__init__()
        if config is not None and sizes:
            raise TypeError("NTM takes a config or its fields, not both")
        self.config = config = config or NTMConfig(**sizes)
        read_width = config.num_reads * config.M
        self.controller = controllers.build(
            config.controller, config.input_size + read_width, config.controller_size
        )
        self.heads = Heads(config)
        self.output = nn.Linear(config.controller_size + read_width, config.output_size)
        self.learned_memory: nn.Parameter | None = None
        self.position_code: nn.Parameter | None = None
        if config.initial_memory == "learned":
            self.learned_memory = nn.Parameter(torch.empty(config.N, config.M).uniform_(-0.1, 0.1))
        elif config.initial_memory == "positional":
            features = positions(1).shape[1]
            self.position_code = nn.Parameter(torch.empty(features, config.M).uniform_(-0.1, 0.1))

    @property
    def memory_slots(self) -> int:
        """N when nobody asks for another number."""
        return self.config.N

    def initial_memory(self, slots: int) -> Tensor:
        """The matrix M_0 that every sequence starts from, [N, M]."""
        if self.learned_memory is not None:
            return self.learned_memory
        like = self.output.weight
        if self.position_code is not None:
            return torch.from_numpy(positions(slots)).to(like) @ self.position_code
        return like.new_full((slots, self.config.M), INITIAL_VALUE)

    def initial_state(self, batch_size: int, memory_slots: int | None = None) -> NTMState:
        """The state before the first step: the initial memory, every head on slot 0.

        Args:
            batch_size: B
            memory_slots: N, by default the config's
        Raises:
            ValueError: another N is asked of a model whose learned memory fixes it
        """
        config, like = self.config, self.output.weight
        slots = config.N if memory_slots is None else memory_slots
        if slots < 1:
            raise ValueError(f"memory_slots must be at least 1, got {slots}")
        if config.fixed_slots not in (None, slots):
            raise ValueError(
                f"this model learned its initial memory and runs only with "
                f"memory_slots={config.N}, got {slots}"
            )
        memory = self.initial_memory(slots).expand(batch_size, -1, -1)
        first_slot = like.new_zeros(batch_size, config.num_heads, slots)
        first_slot[:, :, 0] = 1
        return NTMState(
            memory=memory,
            read_weightings=first_slot[:, : config.num_reads],
            write_weightings=first_slot[:, config.num_reads :],
            reads=memory[:, :1].expand(-1, config.num_reads, -1),
            controller=tuple(
                like.new_zeros(batch_size, config.controller_size)
                for _ in self.controller.state_names
            ),
        )

    def step(
        self, x: Tensor, state: NTMState, pin: Pin = unpinned
    ) -> tuple[Tensor, NTMState, StepRecord]:
        """One step, with everything that happened in it.

        Args:
            x: [B, input_size]
            state: the last step's state
            pin: called with the name and value of every stage; what it returns is used instead
        Returns:
            the output before its activation [B, output_size], the new state, the record
        """
        config = self.config
        memory = NTMMemory(state.memory.shape[1], config.M)
        told_last = state.reads.flatten(1)
        controlled = self.controller(torch.cat((x, told_last), dim=-1), state.controller)
        told = self.heads(controlled[0])
        key = pin("key", told.key)
        key_strength = pin("key_strength", told.key_strength)
        gate = pin("gate", told.gate)
        shift = pin("shift", told.shift)
        sharpening = pin("sharpening", told.sharpening)
        previous = torch.cat((state.read_weightings, state.write_weightings), dim=1)
        stages = memory.address(state.memory, key, key_strength, gate, shift, sharpening, previous)
        weighting = pin("weighting", stages.weighting)
        read_weightings, write_weightings = weighting.split(
            (config.num_reads, config.num_writes), dim=1
        )
        reads = memory.read(state.memory, read_weightings)
        erase, add = pin("erase", told.erase), pin("add", told.add)
        written = memory.write(state.memory, write_weightings, erase, add)
        logits = self.output(torch.cat((controlled[0], reads.flatten(1)), dim=-1))
        record = StepRecord(
            key=key,
            key_strength=key_strength,
            content_weighting=stages.content_weighting,
            gate=gate,
            gated_weighting=stages.gated_weighting,
            shift=shift,
            shifted_weighting=stages.shifted_weighting,
            sharpening=sharpening,
            weighting=weighting,
            erase=erase,
            add=add,
            reads=reads,
            hidden=controlled[0],
            cell=controlled[1] if len(controlled) > 1 else controlled[0][:, :0],
            memory=state.memory,
        )
        carried = controlled if state.controller else ()
        return logits, NTMState(written, read_weightings, write_weightings, reads, carried), record

    def activate(self, logits: Tensor) -> Tensor:
        """The output's activation, as the config says."""
        return torch.sigmoid(logits) if self.config.output == "sigmoid" else logits

    def forward(self, x: Tensor, state: NTMState | None = None) -> tuple[Tensor, NTMState]:
        """One step: x [B, input_size] and a state to the output [B, output_size] and the next.

        Without a state the step is the first of a sequence.
        """
        logits, state, _ = self.step(x, state or self.initial_state(x.shape[0]))
        return self.activate(logits), state

    def logits(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs before their activation for a whole sequence, for training.

        Args:
            sequence: [T, B, input_size]
            memory_slots: N, by default the config's
        Returns:
            [T, B, output_size]
        """
        return self.advance(sequence, self.initial_state(sequence.shape[1], memory_slots))[0]

    def advance(self, sequence: Tensor, state: NTMState) -> tuple[Tensor, NTMState]:
        """Several steps: [T, B, input_size] to outputs before their activation and a new state."""
        steps = []
        for x in sequence.unbind(0):
            logits, state, _ = self.step(x, state)
            steps.append(logits)
        return torch.stack(steps), state

    def predict(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs alone for a whole sequence, shapes as for `logits`."""
        return self.unroll(sequence, memory_slots=memory_slots).outputs

    def unroll(
        self,
        sequence: Tensor,
        state: NTMState | None = None,
        *,
        record: Literal["addressing"] | None = None,
        memory_slots: int | None = None,
        interventions: Any = (),
    ) -> Unrolled:
        """Run a whole sequence.

        Args:
            sequence: [T, B, input_size], or [T, input_size] for a batch of one
            state: where to continue; by default a new sequence
            record: "addressing" keeps every stage of every step, the memory included
            memory_slots: N of a new sequence, by default the config's
            interventions: what to change on the way, in every row of the batch, as in
                `[{"steps": "20:41", "head": "read.0", "set": {"gate": 0}}]`
        Returns:
            outputs, last state, record; all with the batch axis
        Raises:
            InterventionError: an intervention does not fit; the message names it
        """
        if sequence.dim() == 2:
            sequence = sequence.unsqueeze(1)
        state = state or self.initial_state(sequence.shape[1], memory_slots)
        slots = state.memory.shape[1]
        edits = resolve(interventions, signature(self.config), len(sequence), slots)
        outputs, records = [], []
        for t, x in enumerate(edited_inputs(sequence, edits).unbind(0)):
            pin = used(edits.pins(t, t + 1)) if edits.pinned[t] else unpinned
            logits, state, stages = self.step(x, edited_state(state, edits, t), pin)
            outputs.append(self.activate(logits))
            if record:
                records.append(stages)
        stacked = StepRecord(*map(torch.stack, zip(*records, strict=True))) if records else None
        return Unrolled(torch.stack(outputs), state, stacked)
