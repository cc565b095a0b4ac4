"""The sizes and wiring of one Differentiable Neural Computer. Plain data: no torch, no files."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

READ_MODES = ("backward", "content", "forward")  # the order of the read mode's three numbers


class DNCConfig(BaseModel):
    """Everything that fixes a model's parameters; none depends on `N`.

    With all fields after `num_reads` at their defaults this is the paper's network. It orders
    slots by their exact usage, so that which of two nearly equal ones is written can hang on how
    an engine rounds; with `usage_levels` it does so only at the edge of a level. Masking,
    deallocation and sharpened links are Csordás and Schmidhuber's (2019); layer normalisation,
    bypass dropout and a memory without links are Franke, Niehues and Waibel's (2018).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: Literal["dnc/1"] = "dnc/1"
    input_size: int = Field(ge=1)
    output_size: int = Field(ge=1)
    controller: Literal["lstm", "feedforward"] = "lstm"
    controller_size: int = Field(default=100, ge=1)
    N: int = Field(default=128, ge=1, description="memory slots")
    W: int = Field(default=20, ge=1, description="width of a slot")
    num_reads: int = Field(default=1, ge=1)
    usage_levels: int | None = Field(
        default=None, ge=1, description="slots of one level of usage are equally free"
    )
    links: bool = Field(default=True, description="temporal links, N x N numbers of state")
    masking: bool = Field(default=False, description="keys look at a masked part of a slot")
    deallocation: bool = Field(default=False, description="freeing a slot also wipes it")
    sharp_links: bool = Field(default=False, description="forward and backward are sharpened")
    layer_norm: bool = Field(default=False, description="normalise the interface vector")
    bypass_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="dropout from the controller to the output"
    )
    output: Literal["sigmoid", "identity", "softmax"] = "sigmoid"

    @property
    def summary(self) -> str:
        """Its wiring in some words."""
        plain = DNCConfig(input_size=1, output_size=1)
        fixes = [
            name.replace("_", " ")
            for name in ("masking", "deallocation", "sharp_links", "layer_norm", "usage_levels")
            if getattr(self, name) != getattr(plain, name)
        ]
        return (
            f"{self.controller} controller of {self.controller_size}, "
            f"{self.num_reads} read head{'s' if self.num_reads > 1 else ''}"
            f"{'' if self.links else ' without links'}, memory {self.N} x {self.W}"
            f"{', with ' if fixes else ''}{', '.join(fixes)}"
        )

    @property
    def fixed_slots(self) -> int | None:
        """The only N this model can run with: None, as any will do."""
        return None

    @property
    def num_modes(self) -> int:
        """How many ways a read head has: without links it has its content only."""
        return len(READ_MODES) if self.links else 1


def interface_widths(config: DNCConfig) -> dict[str, tuple[int, int]]:
    """The parts of the interface vector in order, each as heads and numbers a head."""
    reads, width = config.num_reads, config.W
    parts = {
        "read_key": (reads, width),
        "read_strength": (reads, 1),
        "write_key": (1, width),
        "write_strength": (1, 1),
        "erase": (1, width),
        "add": (1, width),
        "free_gate": (reads, 1),
        "allocation_gate": (1, 1),
        "write_gate": (1, 1),
        "read_mode": (reads, config.num_modes),
    }
    if config.masking:
        parts |= {"read_mask": (reads, width), "write_mask": (1, width)}
    if config.sharp_links and config.links:
        parts |= {"backward_sharpness": (reads, 1), "forward_sharpness": (reads, 1)}
    return parts
