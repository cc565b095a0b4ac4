"""The sizes and wiring of one dnc/2 model. Plain data: no torch, no files."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ntm.architectures.dnc.config import DNCConfig


class DNCWiring(BaseModel):
    """What others have done otherwise than the paper; the defaults are those of dnc/1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    activation: Literal["tanh", "relu", "sigmoid"] = Field(
        default="tanh", description="of a controller that is no LSTM"
    )
    key: Literal["linear", "tanh"] = Field(default="linear", description="k of all heads")
    add: Literal["linear", "tanh"] = Field(default="linear", description="v")
    strength: Literal["oneplus", "softplus"] = Field(default="oneplus", description="β")
    similarity: Literal["added", "held"] = Field(
        default="added",
        description="1e-6 added to the product of both norms; or their squares at least 1e-12",
    )
    first_value: float = Field(
        default=0.0, ge=0, description="of memory, weightings and reads before the first step"
    )


PRESETS: dict[str, DNCWiring] = {
    "dnc/1": DNCWiring(),
    "dnc-tensorflow": DNCWiring(activation="relu", similarity="held", first_value=1e-6),
    "pytorch-dnc": DNCWiring(key="tanh", add="tanh", strength="softplus"),
}


class WiredDNCConfig(DNCConfig):
    """A `DNCConfig` whose wiring can be another than the paper's; no parameter depends on `N`."""

    architecture: Literal["dnc/2"] = "dnc/2"  # type: ignore[assignment]
    layers_below: tuple[int, ...] = Field(
        default=(), description="sizes of a feedforward controller's layers below its last"
    )
    wiring: DNCWiring = DNCWiring()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.controller == "lstm" and (self.layers_below or self.wiring.activation != "tanh"):
            raise ValueError("an LSTM's activation is tanh, and it has no layers below")
        if self.masking and self.wiring.similarity != "added":
            raise ValueError("masking wants similarity='added'")
        if self.sharp_links and self.wiring.strength != "oneplus":
            raise ValueError("sharp_links want strength='oneplus'")
        return self

    @property
    def remembers(self) -> bool:
        """Whether the controller has a state of its own."""
        return self.controller == "lstm"

    @property
    def summary(self) -> str:
        """Its wiring in some words."""
        known = next((name for name, one in PRESETS.items() if one == self.wiring), None)
        return f"{super().summary}, wired {known or 'in its own way'}"
