"""How implementations of the Neural Turing Machine differ: one field a difference, and presets.

The defaults are those of ntm/1. Plain data: no torch, no files.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Wiring(BaseModel):
    """What the paper leaves open, or what somebody has done otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    activation: Literal["tanh", "relu", "sigmoid"] = Field(
        default="tanh", description="of a controller that is no LSTM"
    )
    heads_hear: Literal["hidden", "cell"] = Field(
        default="hidden", description="the controller's vector that heads are told from"
    )
    key: Literal["tanh", "relu", "linear", "clipped"] = Field(
        default="tanh", description="k; clipped is to 0..1"
    )
    key_strength: Literal["softplus", "relu", "exp"] = Field(default="softplus", description="β")
    gate: Literal["sigmoid", "hard-sigmoid"] = Field(
        default="sigmoid", description="g; hard-sigmoid is 0.2 x + 0.5 clipped to 0..1"
    )
    shift: Literal["softmax", "softmax-of-relu", "scalar"] = Field(
        default="softmax",
        description="s; scalar is one number from -1 to 1, between whose whole shifts w~ is mixed",
    )
    convolution: Literal["circular", "zero-padded"] = Field(
        default="circular", description="what lies beyond the first and the last slot (Eq. 8)"
    )
    sharpening: Literal["softplus", "relu"] = Field(default="softplus", description="γ is 1 + this")
    normalisation: Literal["relative", "held", "raised"] = Field(
        default="relative",
        description="Eq. 9: over the largest first; the sum + 1e-16; of w~ + 1e-6",
    )
    similarity: Literal["clamped", "offset", "root"] = Field(
        default="clamped",
        description="Eq. 6: norms of at least 1e-8; of key and slots + 1e-16; over "
        "sqrt(|k|^2 |M|^2 + 1e-6)",
    )
    erase: Literal["sigmoid", "relu", "hard-sigmoid", "one"] = Field(
        default="sigmoid", description="e; one takes all that is looked at"
    )
    add: Literal["tanh", "linear", "relu", "sigmoid", "clipped"] = Field(
        default="tanh", description="a; clipped is to 0..1"
    )
    previous: Literal["own", "read"] = Field(
        default="own",
        description="the last weighting that a write head's gate keeps (Eq. 7): its own, or that "
        "of the read head of its number",
    )
    order: Literal["read-write", "write-read", "pairs"] = Field(
        default="read-write",
        description="of a step: all reads of the old memory, then all writes; all writes, then "
        "reads of the new memory; a read and a write head after the other, so that the next pair "
        "finds what this one wrote",
    )
    output_sees: Literal["hidden-and-reads", "hidden"] = "hidden-and-reads"
    first_weightings: Literal["first-slot", "zero", "learned"] = Field(
        default="first-slot", description="w before the first step; learned ones fix N"
    )
    first_reads: Literal["memory", "learned"] = Field(
        default="memory", description="r before the first step: slot 0 of the memory, or learned"
    )
    first_controller: Literal["zero", "learned"] = Field(
        default="zero", description="h, and an LSTM's c, before the first step"
    )


PRESETS: dict[str, Wiring] = {
    "ntm/1": Wiring(),
    "pytorch-ntm": Wiring(
        key="linear",
        normalisation="held",
        similarity="offset",
        add="linear",
        first_weightings="zero",
        first_reads="learned",
        first_controller="learned",
    ),
    "pytorch-ntm-2017": Wiring(
        key="relu",
        key_strength="relu",
        shift="softmax-of-relu",
        sharpening="relu",
        normalisation="held",
        similarity="offset",
        erase="relu",
        add="relu",
        first_weightings="zero",
        first_reads="learned",
        first_controller="learned",
    ),
    "clemkoa": Wiring(
        key="linear",
        normalisation="held",
        similarity="offset",
        add="linear",
        previous="read",
        first_weightings="learned",
        first_reads="learned",
        first_controller="learned",
    ),
    "vlgiitr": Wiring(
        heads_hear="cell",
        key="linear",
        normalisation="held",
        erase="one",
        add="linear",
        first_weightings="zero",
        first_reads="learned",
        first_controller="learned",
    ),
    "lasagne": Wiring(
        activation="relu",
        key="relu",
        key_strength="relu",
        gate="hard-sigmoid",
        convolution="zero-padded",
        sharpening="relu",
        normalisation="raised",
        similarity="root",
        erase="hard-sigmoid",
        add="relu",
        order="write-read",
        output_sees="hidden",
        first_reads="learned",
        first_controller="learned",
    ),
    "fumin": Wiring(
        activation="sigmoid",
        key="linear",
        key_strength="exp",
        shift="scalar",
        normalisation="held",
        erase="sigmoid",
        add="sigmoid",
        output_sees="hidden",
        first_weightings="learned",
        first_reads="learned",
    ),
    "carpedm20": Wiring(
        output_sees="hidden",
        first_weightings="learned",
        first_reads="learned",
        first_controller="learned",
    ),
}


def preset_of(wiring: Wiring) -> str | None:
    """The name of a preset, where it is one."""
    return next((name for name, known in PRESETS.items() if known == wiring), None)
