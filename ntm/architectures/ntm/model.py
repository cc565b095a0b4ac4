"""The Neural Turing Machine: controllers, heads and memory, one step and a whole sequence.

State goes in and comes out; nothing is hidden in a module.
"""

from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from ntm.architectures import controllers
from ntm.architectures.model import Model, Pin, detached, unpinned
from ntm.architectures.ntm.config import NTMConfig
from ntm.architectures.ntm.heads import Heads
from ntm.architectures.ntm.memory import NTMMemory
from ntm.architectures.ntm.signature import INITIAL_VALUE
from ntm.signature import positions


class NTMState(NamedTuple):
    """What one step hands to the next."""

    memory: Tensor  # M_t [B, N, M]
    read_weightings: Tensor  # [B, R, N]
    write_weightings: Tensor  # [B, W, N]
    reads: Tensor  # r_t [B, R, M]
    controller: tuple[Tensor, ...]  # (hidden, cell), each [B, C]; empty for feedforward

    def detach(self) -> Self:
        """The same values without their history, for truncated backpropagation."""
        return detached(self)


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


class NTM(Model):
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

    def strengthen_keys(self, bias: float) -> None:
        """Add to the bias of every key strength, so that a fresh model's keys single out slots."""
        self.heads.strengthen_keys(bias)

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

    def named_state(self, state: NTMState) -> dict[str, Tensor]:
        """The state's tensors by the signature's names, in its order."""
        names = (*NTMState._fields[:-1], *self.controller.state_names)
        return dict(zip(names, (*state[:-1], *state.controller), strict=True))

    def state_from(self, tensors: dict[str, Tensor]) -> NTMState:
        """The state with these tensors; the inverse of `named_state`."""
        fields = {name: tensors[name] for name in NTMState._fields[:-1]}
        controller = tuple(tensors[name] for name in self.controller.state_names)
        return NTMState(**fields, controller=controller)
