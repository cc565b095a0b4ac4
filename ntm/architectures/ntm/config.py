"""The sizes and wiring of one Neural Turing Machine. Plain data: no torch, no files."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

ARCHITECTURES = ("ntm/1",)


class NTMConfig(BaseModel):
    """Everything that fixes a model's parameters.

    `N` is the number of memory slots to use when nobody asks for another number; no parameter
    depends on it unless `initial_memory` is "learned".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: Literal["ntm/1"] = "ntm/1"
    input_size: int = Field(ge=1)
    output_size: int = Field(ge=1)
    controller: Literal["lstm", "feedforward"] = "lstm"
    controller_size: int = Field(default=100, ge=1)
    N: int = Field(default=128, ge=1, description="memory slots")
    M: int = Field(default=20, ge=1, description="width of a slot")
    num_reads: int = Field(default=1, ge=1)
    num_writes: int = Field(default=1, ge=1)
    shift_range: int = Field(
        default=3, ge=3, description="number of allowed shifts, centred on 0; odd"
    )
    initial_memory: Literal["constant", "learned", "positional"] = "constant"
    output: Literal["sigmoid", "identity", "softmax"] = "sigmoid"

    @field_validator("shift_range")
    @classmethod
    def _centred(cls, shift_range: int) -> int:
        if shift_range % 2 == 0:
            raise ValueError(f"must be odd so that it is centred on 0, got {shift_range}")
        return shift_range

    @property
    def num_heads(self) -> int:
        """Read heads come first, then write heads."""
        return self.num_reads + self.num_writes

    @property
    def max_shift(self) -> int:
        """The furthest shift: 1 for a range of 3 (-1, 0, +1)."""
        return self.shift_range // 2

    @property
    def summary(self) -> str:
        """Its wiring in some words."""
        return (
            f"{self.controller} controller of {self.controller_size}, {self.num_reads} read and "
            f"{self.num_writes} write heads, shifts of up to {self.max_shift}, memory "
            f"{self.N} x {self.M}"
        )

    @property
    def fixed_slots(self) -> int | None:
        """The only N this model can run with, or None when any N will do."""
        return self.N if self.initial_memory == "learned" else None
