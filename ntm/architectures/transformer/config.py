"""The sizes and wiring of one Transformer. Plain data: no torch, no files."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class TransformerConfig(BaseModel):
    """Everything that fixes a model's parameters; none depends on `N`.

    Rotary positions are Su et al.'s (2021), ALiBi Press et al.'s (2022), hard ALiBi Jelassi et
    al.'s (2024): half of the heads see the last 1, 2, 3, ... steps only, the others see all of
    them, and none is told where they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: Literal["transformer/1"] = "transformer/1"
    input_size: int = Field(ge=1)
    output_size: int = Field(ge=1)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=8, ge=1, description="of every layer")
    width: int = Field(default=64, ge=1, description="of the residual stream")
    expansion: int = Field(default=4, ge=1, description="of the feedforward layers")
    N: int = Field(default=128, ge=1, description="memory slots: steps that the cache holds")
    position: Literal["none", "rotary", "alibi", "hard_alibi"] = "rotary"
    feedback: bool = Field(default=False, description="a step is given the last step's answer")
    output: Literal["sigmoid", "identity", "softmax"] = "sigmoid"

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} should divide width={self.width}")
        if self.position == "rotary" and self.head_width % 2:
            raise ValueError(f"rotary positions want an even head width, got {self.head_width}")
        return self

    @property
    def summary(self) -> str:
        """Its wiring in some words."""
        named = {"none": "no", "rotary": "rotary", "alibi": "ALiBi", "hard_alibi": "hard ALiBi"}
        fed = ", its last answer fed back" if self.feedback else ""
        return (
            f"{self.layers} layers of {self.heads} heads, {self.width} wide, "
            f"{named[self.position]} positions{fed}, a cache of {self.N} steps"
        )

    @property
    def fixed_slots(self) -> None:
        """The only N this model can run with: None, as any will do."""
        return None

    @property
    def head_width(self) -> int:
        """Width of a query, a key and a value."""
        return self.width // self.heads
