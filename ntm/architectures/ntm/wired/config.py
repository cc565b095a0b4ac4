"""The sizes and wiring of one ntm/2 model. Plain data: no torch, no files."""

from typing import Literal, Self

from pydantic import Field, model_validator

from ntm.architectures.ntm.config import NTMConfig
from ntm.architectures.ntm.wired.wiring import Wiring, preset_of


class WiredNTMConfig(NTMConfig):
    """An `NTMConfig` whose wiring can be another than the paper's.

    No parameter depends on `N` unless the initial memory or the first weightings are learned.
    """

    architecture: Literal["ntm/2"] = "ntm/2"  # type: ignore[assignment]
    controller: Literal["lstm", "feedforward", "recurrent"] = "lstm"  # type: ignore[assignment]
    layers_below: tuple[int, ...] = Field(
        default=(), description="sizes of a feedforward controller's layers below its last"
    )
    initial_memory: Literal["constant", "learned", "positional", "first-slot"] = Field(  # type: ignore[assignment]
        default="constant", description="first-slot: slot 0 is learned, the others are constant"
    )
    wiring: Wiring = Wiring()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wiring = self.wiring
        for wrong, sentence in (
            (
                wiring.heads_hear == "cell" and self.controller != "lstm",
                "heads_hear='cell' wants controller='lstm'",
            ),
            (
                wiring.activation != "tanh" and self.controller == "lstm",
                "an LSTM's activation is tanh",
            ),
            (
                bool(self.layers_below) and self.controller != "feedforward",
                "layers_below want controller='feedforward'",
            ),
            (
                wiring.shift == "scalar" and self.shift_range != 3,
                "shift='scalar' wants shift_range=3",
            ),
            (
                (wiring.order == "pairs" and self.num_reads != self.num_writes)
                or (wiring.previous == "read" and self.num_reads < self.num_writes),
                "pairs of heads want as many read heads as write heads",
            ),
            (
                wiring.normalisation == "relative"
                and (wiring.convolution != "circular" or wiring.first_weightings == "zero"),
                "a weighting that can be all zero wants normalisation='held' or 'raised'",
            ),
        ):
            if wrong:
                raise ValueError(sentence)
        return self

    @property
    def fixed_slots(self) -> int | None:
        """The only N this model can run with, or None when any N will do."""
        learned = "learned" in (self.initial_memory, self.wiring.first_weightings)
        return self.N if learned else None

    @property
    def summary(self) -> str:
        """Its wiring in some words."""
        return f"{super().summary}, wired {preset_of(self.wiring) or 'in its own way'}"

    @property
    def shift_columns(self) -> int:
        """Numbers of the heads' linear map that make one head's shift weighting."""
        return 1 if self.wiring.shift == "scalar" else self.shift_range

    @property
    def remembers(self) -> bool:
        """Whether the controller has a state of its own."""
        return self.controller != "feedforward"

    @property
    def head_widths(self) -> tuple[int, int, int]:
        """Columns of the heads' linear map for addressing, erase and add, as in `Heads`."""
        written = self.num_writes * self.M
        addressing = self.num_heads * (self.M + 3 + self.shift_columns)
        return addressing, 0 if self.wiring.erase == "one" else written, written

    @property
    def output_operands(self) -> int:
        """Columns of the output layer."""
        reads = self.num_reads * self.M if self.wiring.output_sees != "hidden" else 0
        return self.controller_size + reads
