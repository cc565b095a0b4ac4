"""The end-to-end memory network as one step with explicit state, and its parameters.

A step hears a sentence and writes its embeddings into the next slot, or hears a question, or is
silent: then it takes the next of the K hops that follow a question. State goes in and comes out.
"""

from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from ntm.architectures.memory_network.config import MemoryNetworkConfig
from ntm.architectures.memory_network.encoding import QUESTION, coefficients
from ntm.architectures.memory_network.stories import NEVER, outputs_of
from ntm.architectures.model import Model, Pin, detached, unpinned

DEVIATION = 0.1  # of every initial embedding (Section 4.2)
ROWS = 64  # of a batch that are read together

Stages = dict[str, Tensor]


class MemoryNetworkState(NamedTuple):
    """What one step hands to the next."""

    memory: Tensor  # every sentence's embeddings without its age [B, N, width]
    heard: Tensor  # how many sentences so far [B, 1]
    internal: Tensor  # u [B, d]
    hop: Tensor  # how many hops the question has had [B, 1]

    def detach(self) -> Self:
        """The same values without their history, for truncated backpropagation."""
        return detached(self)


class MemoryNetwork(Model):
    """An end-to-end memory network (Sukhbaatar et al. 2015).

    `MemoryNetwork(config)` or `MemoryNetwork(input_size=..., output_size=..., ...)` with the fields
    of `MemoryNetworkConfig`. The answer's layer W is a matrix of its own, as an answer may be
    several words.
    """

    def __init__(self, config: MemoryNetworkConfig | None = None, **sizes: Any) -> None:
        super().__init__()
        if config is not None and sizes:
            raise TypeError("MemoryNetwork takes a config or its fields, not both")
        self.config = config = config or MemoryNetworkConfig(**sizes)
        # of a word: A and C of every hop, then B where the first A is not it
        self.embedding = nn.Parameter(self._drawn(config.words, config.columns))
        # of j / J, the place of a word, where that is learned
        self.place: nn.Parameter | None = None
        if config.encoding == "learned":
            self.place = nn.Parameter(self._drawn(config.words, config.columns))
        self.age = nn.Parameter(self._drawn(config.ages, config.width))
        self.map: nn.Parameter | None = None  # H of every hop, or of all
        if config.maps:
            self.map = nn.Parameter(torch.eye(config.d).repeat(config.maps, 1, 1))
        self.output = nn.Linear(config.d, config.output_size)
        nn.init.normal_(self.output.weight, std=DEVIATION)
        nn.init.zeros_(self.output.bias)

    def _drawn(self, *shape: int) -> Tensor:
        return DEVIATION * torch.randn(shape)

    def word_map(self) -> Tensor:
        """What the two sums over a sentence's words are multiplied by, [2 V, columns]."""
        codes = torch.from_numpy(coefficients(self.config)).to(self.embedding)
        plain, placed = codes.repeat(1, self.config.columns // self.config.d)
        place = self.embedding if self.place is None else self.place
        return torch.cat((self.embedding * plain, place * placed))

    def after_hop(self, internal: Tensor, response: Tensor, hop: int) -> Tensor:
        """u^{k+1} from u^k and o^k [..., d] (Eq. 4, and H u^k + o^k where there are maps)."""
        if self.map is not None:
            internal = internal @ self.map[min(hop, self.config.maps - 1)].T
        return self.rectified(internal + response)

    def rectified(self, internal: Tensor) -> Tensor:
        """u [..., d] with its second half rectified, where the config says so."""
        if not self.config.half_relu:
            return internal
        linear, rectified = internal.tensor_split(2, dim=-1)
        return torch.cat((linear, torch.relu(rectified)), dim=-1)

    def activate(self, logits: Tensor) -> Tensor:
        """The probabilities of the answers (Eq. 3)."""
        return torch.softmax(logits, dim=-1)

    def initial_state(self, batch_size: int, memory_slots: int | None = None) -> MemoryNetworkState:
        """The state before the first step: no sentence and no question.

        Args:
            batch_size: B
            memory_slots: N, by default the config's
        """
        config, like = self.config, self.output.weight
        slots = config.N if memory_slots is None else memory_slots
        if slots < 1:
            raise ValueError(f"memory_slots must be at least 1, got {slots}")
        return MemoryNetworkState(
            memory=like.new_zeros(batch_size, slots, config.width),
            heard=like.new_zeros(batch_size, 1),
            internal=like.new_zeros(batch_size, config.d),
            hop=like.new_full((batch_size, 1), config.hops),
        )

    def predict(self, sequence: Tensor, memory_slots: int | None = None) -> Tensor:
        """The outputs alone for a whole sequence, shapes as for `logits`.

        Where there is a slot for every sentence, the stories are read whole, some rows at a time.
        """
        rows = sequence.unsqueeze(1) if sequence.dim() == 2 else sequence
        slots = self.memory_slots if memory_slots is None else memory_slots
        sentences = (rows[..., :-1].abs().amax(-1) > 0) & (rows[..., -1] <= QUESTION)
        if int(sentences.sum(0).max()) > slots:
            return super().predict(sequence, memory_slots)
        parts = [outputs_of(self, part) for part in rows.split(ROWS, dim=1)]
        return torch.cat(parts, dim=1)

    def step(
        self, x: Tensor, state: MemoryNetworkState, pin: Pin = unpinned
    ) -> tuple[Tensor, MemoryNetworkState, Stages]:
        """One step, with everything that happened in it.

        Args:
            x: [B, input_size]
            state: the last step's state
            pin: called with the name and value of every stage; what it returns is used instead
        Returns:
            the answers' scores [B, output_size], the new state, the stages by name
        """
        words, asked = x[:, :-1], x[:, -1:] > QUESTION
        spoken = words.abs().amax(-1, keepdim=True) > 0
        told = spoken & ~asked
        embedded = words @ self.word_map()
        stages: Stages = {"add": pin("add", embedded[:, : self.config.width].unsqueeze(1))}
        memory = self._write(told, state, stages, pin)
        count = state.heard + told
        done = torch.full_like(state.hop, self.config.hops)
        hop = torch.where(asked, 0, torch.where(told, done, state.hop))
        hops = ~(spoken | asked) & (hop < done)
        asking = torch.where(asked, embedded[:, self.config.question], state.internal)
        stages["query"] = pin("query", asking.unsqueeze(1))
        internal = self._hop(self._aged(memory, count), hop, hops, stages, pin)
        stages["internal"] = internal
        after = MemoryNetworkState(memory, count, internal, hop + hops)
        return self.output(internal), after, stages

    def _write(self, told: Tensor, state: MemoryNetworkState, stages: Stages, pin: Pin) -> Tensor:
        """Write a sentence's embeddings into the next slot, round the ring: [B, N, width]."""
        slots = torch.arange(state.memory.shape[1], device=told.device).to(state.heard)
        following = torch.fmod(state.heard.clamp(min=0).floor(), state.memory.shape[1])
        written = ((slots == following) & told).to(state.heard).unsqueeze(1)
        stages["write_weighting"] = pin("write_weighting", written)
        column = stages["write_weighting"].transpose(1, 2)
        stages["memory"] = state.memory * (1 - column) + column * stages["add"]
        return stages["memory"]

    def _aged(self, memory: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """m_i + T(i) for ages counted back from the question.

        Args:
            memory: [B, N, width]
            count: [B, 1]
        Returns:
            [B, N, width], and which slots hold a sentence [B, N]
        """
        slots = torch.arange(memory.shape[1], device=memory.device).to(memory)
        since = (count.floor() - 1 - slots).clamp(min=0)
        ages = torch.fmod(since, memory.shape[1]).clamp(max=self.config.ages - 1)
        return memory + self.age[ages.long()], slots < count

    def _hop(
        self, aged: tuple[Tensor, Tensor], hop: Tensor, hops: Tensor, stages: Stages, pin: Pin
    ) -> Tensor:
        """Attend, respond and go on where a row hops: u [B, d] after it.

        Args:
            aged: m_i + T(i) and which slots hold a sentence
            hop: k of every row [B, 1], from 0
            hops: which rows hop [B, 1]
        """
        (sentences, heard), config, internal = aged, self.config, stages["query"][:, 0]
        matched, given = self._places(hop)
        key = (matched.unsqueeze(-1) * internal.unsqueeze(1)).flatten(1)
        scores = (sentences @ key.unsqueeze(-1)).transpose(1, 2)
        attention = torch.softmax(scores.masked_fill(~heard.unsqueeze(1), NEVER), dim=-1)
        stages["attention"] = pin("attention", attention * (heard & hops).unsqueeze(1))
        read = (stages["attention"] @ sentences).unflatten(-1, (config.embeddings, config.d))
        stages["reads"] = given.unsqueeze(1) @ read[:, 0]
        mapped = internal
        if self.map is not None:
            chosen = matched[:, : config.maps] if config.tying == "adjacent" else matched[:, :1]
            keyed = (chosen.unsqueeze(-1) * internal.unsqueeze(1)).flatten(1)
            mapped = keyed @ self.map.transpose(1, 2).flatten(0, 1)
        after = self.rectified(mapped + stages["reads"][:, 0])
        return torch.where(hops, after, internal)

    def _places(self, hop: Tensor) -> tuple[Tensor, Tensor]:
        """Which embeddings of a slot are A and C of every row's hop: one-hot [B, embeddings]."""
        config = self.config
        place = torch.arange(config.embeddings, device=hop.device).to(hop)
        first = hop.floor().clamp(0, config.hops - 1)
        if config.tying == "layer-wise":
            first = torch.zeros_like(first)
        return (place == first).to(hop), (place == first + 1).to(hop)

    def state_from(self, tensors: dict[str, Tensor]) -> MemoryNetworkState:
        """The state with these tensors; the inverse of `named_state`."""
        return MemoryNetworkState(**tensors)
