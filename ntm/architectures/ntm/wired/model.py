"""The Neural Turing Machine as a configuration wires it: one step and a whole sequence."""

from typing import Any

import torch
from torch import Tensor, nn

from ntm.architectures import controllers
from ntm.architectures.dense_controllers import DenseController, RecurrentController
from ntm.architectures.model import Model, Pin, unpinned
from ntm.architectures.ntm.addressing import Addressing
from ntm.architectures.ntm.memory import add, erase, read
from ntm.architectures.ntm.model import NTMState, StepRecord
from ntm.architectures.ntm.wired.addressing import address
from ntm.architectures.ntm.wired.config import WiredNTMConfig
from ntm.architectures.ntm.wired.heads import WiredHeads
from ntm.architectures.ntm.wired.starts import Starts

ADDRESSED_BY = ("key", "key_strength", "gate", "shift", "sharpening")


class WiredNTM(Model):
    """A Neural Turing Machine with the wiring of a `WiredNTMConfig`, or of its fields."""

    def __init__(self, config: WiredNTMConfig | None = None, **sizes: Any) -> None:
        super().__init__()
        if config is not None and sizes:
            raise TypeError("WiredNTM takes a config or its fields, not both")
        self.config = config = config or WiredNTMConfig(**sizes)
        self.controller = build_controller(config)
        self.heads = WiredHeads(config)
        self.output = nn.Linear(config.output_operands, config.output_size)
        self.starts = Starts(config)

    def strengthen_keys(self, bias: float) -> None:
        """Add to the bias of every key strength, so that a fresh model's keys single out slots."""
        self.heads.strengthen_keys(bias)

    def initial_state(self, batch_size: int, memory_slots: int | None = None) -> NTMState:
        """The state before the first step.

        Args:
            batch_size: B
            memory_slots: N, by default the config's
        Raises:
            ValueError: another N is asked of a model whose learned values fix it
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
        memory = self.starts.first_memory(slots, like)
        weightings = self.starts.first_weightings(slots, like)
        reads = self.starts.first_reads(memory)
        learned = self.starts.first_controller(self.controller.state_names, like)
        return NTMState(
            memory=memory.expand(batch_size, -1, -1),
            read_weightings=weightings[: config.num_reads].expand(batch_size, -1, -1),
            write_weightings=weightings[config.num_reads :].expand(batch_size, -1, -1),
            reads=reads.expand(batch_size, -1, -1),
            controller=tuple(value.expand(batch_size, -1) for value in learned),
        )

    def step(
        self, x: Tensor, state: NTMState, pin: Pin = unpinned
    ) -> tuple[Tensor, NTMState, StepRecord]:
        """One step, with everything that happened in it; see `NTM.step`."""
        wiring = self.config.wiring
        controlled = self.controller(
            torch.cat((x, state.reads.flatten(1)), dim=-1), state.controller
        )
        heard = controlled[1] if wiring.heads_hear == "cell" else controlled[0]
        told = {name: pin(name, value) for name, value in self.heads(heard)._asdict().items()}
        sides = state.read_weightings, state.write_weightings
        if wiring.previous == "read":
            sides = sides[0], sides[0][:, : self.config.num_writes]
        previous = torch.cat(sides, dim=1)
        order = self._pairs if wiring.order == "pairs" else self._all_heads
        stages, reads, memory = order(state.memory, told, previous, pin)
        seen = controlled[:1] if wiring.output_sees == "hidden" else (controlled[0], reads)
        logits = self.output(torch.cat([value.flatten(1) for value in seen], dim=-1))
        record = StepRecord(
            **told,
            content_weighting=stages.content_weighting,
            gated_weighting=stages.gated_weighting,
            shifted_weighting=stages.shifted_weighting,
            weighting=stages.weighting,
            reads=reads,
            hidden=controlled[0],
            cell=controlled[1] if len(controlled) > 1 else controlled[0][:, :0],
            memory=memory if wiring.order == "write-read" else state.memory,
        )
        sides = tuple(stages.weighting.split((self.config.num_reads, self.config.num_writes), 1))
        carried = controlled if state.controller else ()
        return logits, NTMState(memory, *sides, reads, carried), record

    def _all_heads(
        self, memory: Tensor, told: dict[str, Tensor], previous: Tensor, pin: Pin
    ) -> tuple[Addressing, Tensor, Tensor]:
        """All heads address the old memory; reads come before or after the writes."""
        stages = address(self.config.wiring, memory, told, previous)
        stages = stages._replace(weighting=pin("weighting", stages.weighting))
        reading, writing = stages.weighting.split(
            (self.config.num_reads, self.config.num_writes), 1
        )
        written = add(erase(memory, writing, told["erase"]), writing, told["add"])
        seen = written if self.config.wiring.order == "write-read" else memory
        return stages, read(seen, reading), written

    def _pairs(
        self, memory: Tensor, told: dict[str, Tensor], previous: Tensor, pin: Pin
    ) -> tuple[Addressing, Tensor, Tensor]:
        """A read head and a write head after the other, each in the memory that it finds."""
        heads, pairs = self.config.num_heads, self.config.num_reads
        stages: dict[int, Addressing] = {}
        reads = []
        for pair in range(pairs):
            for head in (pair, pairs + pair):
                own = slice(head, head + 1)
                told_here = {name: told[name][:, own] for name in ADDRESSED_BY}
                found = address(self.config.wiring, memory, told_here, previous[:, own])
                every = pin("weighting", found.weighting.expand(-1, heads, -1))
                weighting = every[:, own]
                stages[head] = found._replace(weighting=weighting)
                if head < pairs:
                    reads.append(read(memory, weighting))
                    continue
                erased, added = (told[name][:, pair : pair + 1] for name in ("erase", "add"))
                memory = add(erase(memory, weighting, erased), weighting, added)
        ordered = [stages[head] for head in range(heads)]
        together = Addressing(*(torch.cat(parts, dim=1) for parts in zip(*ordered, strict=True)))
        return together, torch.cat(reads, dim=1), memory

    def named_state(self, state: NTMState) -> dict[str, Tensor]:
        """The state's tensors by the signature's names, in its order."""
        names = (*NTMState._fields[:-1], *self.controller.state_names)
        return dict(zip(names, (*state[:-1], *state.controller), strict=True))

    def state_from(self, tensors: dict[str, Tensor]) -> NTMState:
        """The state with these tensors; the inverse of `named_state`."""
        fields = {name: tensors[name] for name in NTMState._fields[:-1]}
        controller = tuple(tensors[name] for name in self.controller.state_names)
        return NTMState(**fields, controller=controller)


def build_controller(config: WiredNTMConfig) -> Any:
    """The controller, which hears the input and the last reads."""
    operands, size = config.input_size + config.num_reads * config.M, config.controller_size
    activation = config.wiring.activation
    if config.controller == "lstm":
        return controllers.LSTMController(operands, size)
    if config.controller == "recurrent":
        return RecurrentController(operands, size, activation)
    return DenseController(operands, size, activation, config.layers_below)
