"""The sizes and wiring of one end-to-end memory network. Plain data: no torch, no files."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class MemoryNetworkConfig(BaseModel):
    """Everything that fixes a model's parameters; none depends on `N`.

    A step hears one sentence, or a question, or nothing. The inputs are `2 V + 1` numbers for a
    vocabulary of V words: how often each word occurs, the sum of its places j / J in a sentence of
    J words, and 1 where the sentence is a question.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: Literal["memory-network/1"] = "memory-network/1"
    input_size: int = Field(ge=3)
    output_size: int = Field(ge=1)
    N: int = Field(default=64, ge=1, description="memory slots, one a sentence")
    d: int = Field(default=50, ge=2, description="width of an embedding")
    hops: int = Field(default=3, ge=1, description="K, one step each after a question")
    tying: Literal["adjacent", "layer-wise"] = Field(
        default="adjacent",
        description="A of a hop is C of the one before, or all hops share A, C and a linear map",
    )
    encoding: Literal["position", "learned", "bag"] = Field(
        default="position",
        description="how the order of a sentence's words counts: as in the paper, by a second "
        "embedding that j / J multiplies, or not at all",
    )
    ages: int = Field(
        default=128, ge=1, description="rows of the temporal encoding; older sentences use the last"
    )
    hop_maps: bool = Field(
        default=False, description="with adjacent tying, a linear map of its own for every hop"
    )
    half_relu: bool = Field(
        default=False, description="rectify half of the internal state after every hop"
    )
    output: Literal["softmax"] = "softmax"

    @field_validator("input_size")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"input_size should be 2 V + 1 for V words, got {value}")
        return value

    @property
    def summary(self) -> str:
        """Its wiring in some words."""
        return (
            f"{self.hops} hops with {self.tying} tying, {self.embeddings} embeddings of {self.d} "
            f"for every sentence, {self.N} slots"
        )

    @property
    def fixed_slots(self) -> int | None:
        """The only N this model can run with: None, as any will do."""
        return None

    @property
    def words(self) -> int:
        """V, the size of the vocabulary."""
        return (self.input_size - 1) // 2

    @property
    def embeddings(self) -> int:
        """How many embeddings of a sentence a slot holds: A and C of every hop as tied."""
        return self.hops + 1 if self.tying == "adjacent" else 2

    @property
    def width(self) -> int:
        """Numbers of one slot."""
        return self.embeddings * self.d

    @property
    def columns(self) -> int:
        """Numbers of a word's embeddings: those of a slot, and B with layer-wise tying."""
        return self.width + (self.d if self.tying == "layer-wise" else 0)

    @property
    def question(self) -> slice:
        """The columns that embed a question, B: those of the first A with adjacent tying."""
        return slice(self.d) if self.tying == "adjacent" else slice(self.width, self.columns)

    @property
    def maps(self) -> int:
        """How many linear maps of the internal state there are."""
        if self.tying == "layer-wise":
            return 1
        return self.hops if self.hop_maps else 0
