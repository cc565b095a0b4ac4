"""The sizes of one LSTM. Plain data: no torch, no files."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LSTMConfig(BaseModel):
    """Everything that fixes a model's parameters. By default three layers of 256, the paper's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: Literal["lstm/1"] = "lstm/1"
    input_size: int = Field(ge=1)
    output_size: int = Field(ge=1)
    size: int = Field(default=256, ge=1, description="cells of a layer")
    layers: int = Field(default=3, ge=1)
    output: Literal["sigmoid", "identity", "softmax"] = "sigmoid"

    @property
    def summary(self) -> str:
        """Its wiring in some words."""
        return f"{self.layers} layers of {self.size} cells, no memory slots"

    @property
    def N(self) -> int:  # noqa: N802
        """Memory slots: there are none."""
        return 0

    @property
    def fixed_slots(self) -> int:
        """The only N this model can run with."""
        return 0
