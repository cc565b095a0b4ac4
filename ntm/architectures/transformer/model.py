"""A pre-norm decoder: one step over its key-value cache, and a whole sequence at once to train.

A step writes its keys and values into the next slot and reads the cache as it is after that. State
goes in and comes out; nothing is hidden in a module.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ntm.architectures.model import Model, Pin, detached, unpinned
from ntm.architectures.transformer import attention
from ntm.architectures.transformer.config import TransformerConfig

FLIPPED = 0.01  # of the bits of an answer that is fed back in training, so that slips are survived

Stages = dict[str, Tensor]


class TransformerState(NamedTuple):
    """What one step hands to the next."""

    memory: Tensor  # keys and values of every layer [B, N, 2 * layers * width]
    used: Tensor  # whether a slot has been written [B, N]
    position: Tensor  # steps so far [B, 1]
    answer: Tensor  # of the last step [B, O]; [B, 0] without feedback

    def detach(self) -> Self:
        """The same values without their history, for truncated backpropagation."""
        return detached(self)


class Block(nn.Module):
    """One layer: attention and a feedforward network, each normalised before and added after."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.attention_norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, 3 * width)  # query, key, value
        self.attended = nn.Linear(width, width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, config.expansion * width)
        self.contract = nn.Linear(config.expansion * width, width)

    def project(self, hidden: Tensor) -> tuple[Tensor, ...]:
        """Query, key and value of every head: [..., width] to [..., heads, head_width] each."""
        flat = self.projection(self.attention_norm(hidden))
        return tuple(part.unflatten(-1, (self.config.heads, -1)) for part in flat.chunk(3, dim=-1))

    def finish(self, hidden: Tensor, reads: Tensor) -> Tensor:
        """The layer's output from its input [..., width] and what its heads read."""
        hidden = hidden + self.attended(reads.flatten(-2))
        expanded = F.gelu(self.expand(self.feedforward_norm(hidden)))
        finished: Tensor = hidden + self.contract(expanded)
        return finished


class Transformer(Model):
    """A Transformer decoder.

    `Transformer(config)` or `Transformer(input_size=..., output_size=..., ...)` with the fields of
    `TransformerConfig`.
    """

    def __init__(self, config: TransformerConfig | None = None, **sizes: Any) -> None:
        super().__init__()
        if config is not None and sizes:
            raise TypeError("Transformer takes a config or its fields, not both")
        self.config = config = config or TransformerConfig(**sizes)
        heard = config.input_size + (config.output_size if config.feedback else 0)
        self.embed = nn.Linear(heard, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, config.output_size)

    @property
    def layers(self) -> list[Block]:
        """The layers from the input to the output."""
        return cast(list[Block], list(self.blocks))

    def initial_state(self, batch_size: int, memory_slots: int | None = None) -> TransformerState:
        """The state before the first step: all of it zero.

        Args:
            batch_size: B
            memory_slots: N, by default the config's
        """
        slots = self.config.N if memory_slots is None else memory_slots
        if slots < 1:
            raise ValueError(f"memory_slots must be at least 1, got {slots}")
        tensors = self.signature.initial_state(batch_size, slots)
        return self.state_from({name: torch.tensor(value) for name, value in tensors.items()})

    def named_state(self, state: TransformerState) -> dict[str, Tensor]:
        """The state's tensors by the signature's names, in its order."""
        tensors = state._asdict()
        if not self.config.feedback:
            del tensors["answer"]
        return tensors

    def state_from(self, tensors: dict[str, Tensor]) -> TransformerState:
        """The state with these tensors; the inverse of `named_state`."""
        unanswered = {"answer": tensors["position"][:, :0]}
        fields = ((unanswered | tensors)[name] for name in TransformerState._fields)
        return TransformerState(*(value.to(self.output.weight) for value in fields))

    def step(
        self, x: Tensor, state: TransformerState, pin: Pin = unpinned
    ) -> tuple[Tensor, TransformerState, Stages]:
        """One step, with everything that happened in it. See `Model.step`."""
        slots = torch.arange(state.used.shape[-1], device=x.device).to(x)
        written = pin("write_weighting", (state.position == slots).to(x).unsqueeze(1))
        used = torch.maximum(state.used, written[:, 0])
        bias, seen = attention.biases(self.config, (state.position - slots)[:, None, None])
        sight = bias[:, :, 0], seen[:, :, 0] & (used[:, None] > 0)
        hidden = [self.embed(torch.cat((x, state.answer), dim=-1))]
        caches, layers = state.memory.chunk(self.config.layers, dim=-1), list[Stages]()
        after = []
        for layer, (block, cache) in enumerate(zip(self.layers, caches, strict=True)):
            told = state.position, written, sight
            stages, cache_after = self._layer(layer, hidden[-1], cache, told, pin)
            hidden.append(block.finish(hidden[-1], stages["reads"]))
            layers.append(stages)
            after.append(cache_after)
        stages = {name: torch.cat([each[name] for each in layers], dim=1) for name in layers[0]}
        memory = torch.cat(after, dim=-1)
        stages |= {"write_weighting": written, "used": used, "memory": memory}
        stages["hidden"] = torch.stack(hidden, dim=1)
        logits = self.output(self.norm(hidden[-1]))
        answer = self.activate(logits) if self.config.feedback else state.answer
        return logits, TransformerState(memory, used, state.position + 1, answer), stages

    def _layer(
        self,
        layer: int,
        hidden: Tensor,
        cache: Tensor,
        told: tuple[Tensor, Tensor, tuple[Tensor, Tensor]],
        pin: Pin,
    ) -> tuple[Stages, Tensor]:
        """What a layer's heads do: its stages, and its cache [B, N, 2 * width] after the write.

        What all layers are told is the step's position [B, 1], the write weighting, and what the
        position scheme adds to scores and which slots are seen [B, heads, N].
        """
        (position, written, sight), heads = told, self.config.heads
        query, key, value = self.layers[layer].project(hidden)
        if self.config.position == "rotary":
            query, key = (attention.rotate(part, position) for part in (query, key))
        entry = torch.cat((key.flatten(1), value.flatten(1)), dim=-1).unsqueeze(1)
        column = written.transpose(1, 2)
        cache = cache * (1 - column) + column * entry
        keys, values = (
            part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in cache.chunk(2, dim=-1)
        )
        looked = attention.of_step(query, keys, *sight)
        looked = self._pinned(pin, looked, layer)
        reads = (looked.unsqueeze(-2) @ values).squeeze(-2)
        return {
            "query": query, "key": key, "value": value, "attention": looked, "reads": reads,
        }, cache  # fmt: skip

    def _pinned(self, pin: Pin, looked: Tensor, layer: int) -> Tensor:
        """A layer's attention [B, heads, N] pinned among that of all layers, which is one stage."""
        if pin is unpinned:
            return looked
        heads, above = self.config.heads, self.config.layers - 1 - layer
        every = F.pad(looked, (0, 0, layer * heads, above * heads))
        return pin("attention", every)[:, layer * heads : (layer + 1) * heads]

    def steps(
        self, sequence: Tensor, state: TransformerState, interventions: Any = ()
    ) -> Iterator[tuple[Tensor, Any, Any]]:
        """Run a whole sequence and keep nothing of it; see `Model.steps`.

        Raises:
            ValueError: it is longer than what is left of the slots
        """
        before = int(state.position.max())
        self.signature.refuse_longer(before + len(sequence), state.used.shape[-1])
        return super().steps(sequence, state, interventions)

    def logits(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs before their activation for a whole sequence.

        Without feedback all steps are computed at once, and N does not matter.
        """
        if not self.config.feedback:
            return self.at_once(sequence)
        self.signature.refuse_longer(len(sequence), memory_slots or self.config.N)
        return super().logits(sequence, memory_slots)

    def predict(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs alone for a whole sequence, shapes as for `logits`.

        Raises:
            ValueError: it is longer than there are slots
        """
        if self.config.feedback:
            return super().predict(sequence, memory_slots)
        if sequence.dim() == 2:
            sequence = sequence.unsqueeze(1)
        self.signature.refuse_longer(len(sequence), memory_slots or self.config.N)
        # one after another: scores of a whole sequence are T x T numbers a head
        rows = [self.at_once(row) for row in sequence.split(1, dim=1)]
        return self.activate(torch.cat(rows, dim=1))

    @property
    def is_taught(self) -> bool:
        """See `Model.is_taught`."""
        return bool(self.config.feedback)

    def taught_logits(self, sequence: Tensor, targets: Tensor, rng: np.random.Generator) -> Tensor:
        """See `Model.taught_logits`.

        Some bits of the answers are flipped, and where no answer is due a random one is fed back,
        so that what a model says there does not matter.
        """
        return self.at_once(torch.cat((sequence, fed_back(targets, rng)), dim=-1))

    def at_once(self, heard: Tensor) -> Tensor:
        """All steps of [T, B, .], fed back answers included: [T, B, output_size]."""
        hidden = self.embed(heard.transpose(0, 1))
        for block in self.layers:
            parts = (part.transpose(1, 2) for part in block.project(hidden))
            reads = attention.of_sequence(self.config, *parts)
            hidden = block.finish(hidden, reads.transpose(1, 2))
        logits: Tensor = self.output(self.norm(hidden)).transpose(0, 1)
        return logits


def fed_back(targets: Tensor, rng: np.random.Generator) -> Tensor:
    """The last step's answer at every step, as training has it: [T, B, O] of bits.

    Args:
        targets: [T, B, O], NaN where no answer is due
        rng: of the flips, and of what is fed back where no answer was due
    """
    draws = torch.from_numpy(rng.random(targets.shape, dtype=np.float32))
    flipped = torch.where(draws < FLIPPED, 1 - targets, targets)
    answers = torch.where(torch.isnan(targets), (draws < 0.5).to(targets), flipped)
    return torch.cat((torch.zeros_like(answers[:1]), answers[:-1]))
