"""The Differentiable Neural Computer: controller, interface and memory, one step and a sequence.

A step writes first and reads the memory as it is after that. State goes in and comes out; nothing
is hidden in a module.
"""

from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ntm.architectures import controllers
from ntm.architectures.dnc import addressing
from ntm.architectures.dnc.config import DNCConfig
from ntm.architectures.dnc.interface import InterfaceLayer
from ntm.architectures.dnc.memory import read, write
from ntm.architectures.model import Model, Pin, detached, unpinned

CONTROLLER_LIMIT = 20.0  # beyond it gates are saturated in float32 (Csordás and Schmidhuber 2019)

Stages = dict[str, Tensor]


class DNCState(NamedTuple):
    """What one step hands to the next."""

    memory: Tensor  # M_t [B, N, W]
    usage: Tensor  # u_t [B, N]
    precedence: Tensor  # p_t [B, N]; [B, 0] without links
    link: Tensor  # L_t [B, N, N]; [B, 0, 0] without links
    read_weightings: Tensor  # w^r [B, R, N]
    write_weightings: Tensor  # w^w [B, 1, N]
    reads: Tensor  # r_t [B, R, W]
    controller: tuple[Tensor, ...]  # (hidden, cell), each [B, C]; empty for feedforward

    def detach(self) -> Self:
        """The same values without their history, for truncated backpropagation."""
        return detached(self)


class DNC(Model):
    """A Differentiable Neural Computer (Graves et al. 2016).

    `DNC(config)` or `DNC(input_size=..., output_size=..., ...)` with the fields of `DNCConfig`.
    """

    def __init__(self, config: DNCConfig | None = None, **sizes: Any) -> None:
        super().__init__()
        if config is not None and sizes:
            raise TypeError("DNC takes a config or its fields, not both")
        self.config = config = config or DNCConfig(**sizes)
        read_width = config.num_reads * config.W
        self.controller = self.build_controller(config.input_size + read_width)
        self.interface = self.build_interface()
        self.output = nn.Linear(config.controller_size + read_width, config.output_size)

    controller_limit = CONTROLLER_LIMIT

    def build_controller(self, operands: int) -> Any:
        """What hears the input and the last reads, `operands` numbers."""
        return controllers.build(self.config.controller, operands, self.config.controller_size)

    def build_interface(self) -> InterfaceLayer:
        """What makes the heads' controls of the controller's output."""
        return InterfaceLayer(self.config)

    def content(self, memory: Tensor, key: Tensor, strength: Tensor, mask: Tensor | None) -> Tensor:
        """C(M, k, β, m); see `addressing.content_weighting`."""
        return addressing.content_weighting(memory, key, strength, mask)

    def initial_state(self, batch_size: int, memory_slots: int | None = None) -> DNCState:
        """The state before the first step: all of it zero.

        Args:
            batch_size: B
            memory_slots: N, by default the config's
        """
        config, like = self.config, self.output.weight
        slots = config.N if memory_slots is None else memory_slots
        if slots < 1:
            raise ValueError(f"memory_slots must be at least 1, got {slots}")
        linked = slots if config.links else 0
        return DNCState(
            memory=like.new_zeros(batch_size, slots, config.W),
            usage=like.new_zeros(batch_size, slots),
            precedence=like.new_zeros(batch_size, linked),
            link=like.new_zeros(batch_size, linked, linked),
            read_weightings=like.new_zeros(batch_size, config.num_reads, slots),
            write_weightings=like.new_zeros(batch_size, 1, slots),
            reads=like.new_zeros(batch_size, config.num_reads, config.W),
            controller=tuple(
                like.new_zeros(batch_size, config.controller_size)
                for _ in self.controller.state_names
            ),
        )

    def step(
        self, x: Tensor, state: DNCState, pin: Pin = unpinned
    ) -> tuple[Tensor, DNCState, Stages]:
        """One step, with everything that happened in it.

        Args:
            x: [B, input_size]
            state: the last step's state
            pin: called with the name and value of every stage; what it returns is used instead
        Returns:
            the output before its activation [B, output_size], the new state, the stages by name
        """
        controlled = self.controller(torch.cat((x, state.reads.flatten(1)), -1), state.controller)
        hidden = controlled[0].clamp(-self.controller_limit, self.controller_limit)
        stages = {
            name: pin(name, value)
            for name, value in self.interface(hidden)._asdict().items()
            if value is not None
        }
        memory, usage = self._write(state, stages, pin)
        link, precedence = self._link(state, stages)
        self._read(memory, link, state, stages, pin)
        bypass = F.dropout(hidden, self.config.bypass_dropout, self.training)
        logits = self.output(torch.cat((bypass, stages["reads"].flatten(1)), dim=-1))
        stages |= {"memory": memory, "hidden": controlled[0]}
        stages["cell"] = controlled[1] if len(controlled) > 1 else controlled[0][:, :0]
        after = DNCState(
            memory=memory,
            usage=usage,
            precedence=precedence,
            link=link,
            read_weightings=stages["read_weighting"],
            write_weightings=stages["write_weighting"],
            reads=stages["reads"],
            controller=controlled if state.controller else (),
        )
        return logits, after, stages

    def _write(self, state: DNCState, stages: Stages, pin: Pin) -> tuple[Tensor, Tensor]:
        """Free, allocate, write: the memory [B, N, W] and the usage [B, N] after it."""
        retained = addressing.retention(stages["free_gate"], state.read_weightings)
        usage = addressing.next_usage(state.usage, state.write_weightings[:, 0], retained)
        allocation = addressing.allocation_weighting(usage, self.config.usage_levels).unsqueeze(1)
        content = self.content(
            state.memory, stages["write_key"], stages["write_strength"], stages.get("write_mask")
        )
        written = addressing.write_weighting(
            content, allocation, stages["allocation_gate"], stages["write_gate"]
        )
        written = pin("write_weighting", written)
        stages |= {
            "retention": retained,
            "usage": usage,
            "allocation_weighting": allocation,
            "write_content_weighting": content,
            "write_weighting": written,
        }
        wiped = retained if self.config.deallocation else None
        return write(state.memory, written, stages["erase"], stages["add"], wiped), usage

    def _link(self, state: DNCState, stages: Stages) -> tuple[Tensor, Tensor]:
        """The temporal links [B, N, N] and the precedence [B, N] after the write."""
        if not self.config.links:
            return state.link, state.precedence
        written = stages["write_weighting"][:, 0]
        link = addressing.next_link(state.link, state.precedence, written)
        precedence = addressing.next_precedence(state.precedence, written)
        stages |= {"link": link, "precedence": precedence}
        return link, precedence

    def _read(
        self, memory: Tensor, link: Tensor, state: DNCState, stages: Stages, pin: Pin
    ) -> None:
        """Address the written memory and read it: adds the read heads' stages."""
        content = self.content(
            memory, stages["read_key"], stages["read_strength"], stages.get("read_mask")
        )
        stages["read_content_weighting"] = content
        ways: tuple[Tensor, ...] = (content,)
        if self.config.links:
            forward, backward = addressing.follow(link, state.read_weightings)
            if self.config.sharp_links:
                forward = addressing.sharpen_link(forward, stages["forward_sharpness"])
                backward = addressing.sharpen_link(backward, stages["backward_sharpness"])
            stages |= {"forward_weighting": forward, "backward_weighting": backward}
            ways = (backward, content, forward)
        weighting = addressing.read_weighting(stages["read_mode"], ways)
        stages["read_weighting"] = pin("read_weighting", weighting)
        stages["reads"] = read(memory, stages["read_weighting"])

    def named_state(self, state: DNCState) -> dict[str, Tensor]:
        """The state's tensors by the signature's names, in its order."""
        tensors = dict(zip(DNCState._fields[:-1], state[:-1], strict=True))
        if not self.config.links:
            del tensors["precedence"], tensors["link"]
        return tensors | dict(zip(self.controller.state_names, state.controller, strict=True))

    def state_from(self, tensors: dict[str, Tensor]) -> DNCState:
        """The state with these tensors; the inverse of `named_state`."""
        batch = tensors["memory"].shape[0]
        unlinked = {
            "precedence": self.output.weight.new_zeros(batch, 0),
            "link": self.output.weight.new_zeros(batch, 0, 0),
        }
        fields = {name: (unlinked | tensors)[name] for name in DNCState._fields[:-1]}
        controller = tuple(tensors[name] for name in self.controller.state_names)
        return DNCState(**fields, controller=controller)
