"""What a model takes, gives and carries: the one description that everything downstream works from.

Export, engines, scheduler and sessions read names, shapes and initial values here and nowhere else.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ntm.architectures.ntm.config import NTMConfig

INITIAL_VALUE = 1e-6
HARMONICS = 3  # as many as tell slots apart; more would tie a model to its N

Float = NDArray[np.float32]
State = dict[str, Float]
Dimension = int | Literal["batch", "slots"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Constant(_Frozen):
    """Every element starts with this value."""

    kind: Literal["constant"] = "constant"
    value: float


class OneHot(_Frozen):
    """1 on this slot, 0 elsewhere, along the last axis."""

    kind: Literal["one_hot"] = "one_hot"
    slot: int


class Tensor(_Frozen):
    """A learned value without the batch axis, a tensor of this name in initial.safetensors."""

    kind: Literal["tensor"] = "tensor"
    name: str


class Positional(_Frozen):
    """By place: `positions` [N, 7] times the tensor [7, M] of this name in initial.safetensors."""

    kind: Literal["positional"] = "positional"
    name: str


class StateTensor(_Frozen):
    """One tensor handed from step to step."""

    name: str
    shape: tuple[Dimension, ...]
    initial: Constant | OneHot | Tensor | Positional


class Stage(_Frozen):
    """One recorded stage of a step; its shape is [T, B, *shape]."""

    name: str
    shape: tuple[Dimension, ...]
    pinnable: bool


class Signature(_Frozen):
    """Inputs, outputs, stages and state of one step of a model."""

    architecture: str
    input_size: int
    output_size: int
    read_heads: int
    write_heads: int
    memory_slots: int
    fixed_slots: int | None
    memory_width: int
    shifts: tuple[int, ...]
    state: tuple[StateTensor, ...]
    stages: tuple[Stage, ...]

    @property
    def heads(self) -> int:
        """Read heads come first, then write heads."""
        return self.read_heads + self.write_heads

    def initial_state(self, batch: int, slots: int, learned: State | None = None) -> State:
        """The state before the first step.

        Args:
            batch: B
            slots: N
            learned: the tensors of initial.safetensors, where the signature names any
        Returns:
            every state tensor by name, float32
        Raises:
            ValueError: the model runs with another number of slots only
        """
        if self.fixed_slots not in (None, slots):
            raise ValueError(
                f"this model learned its initial memory and runs only with "
                f"memory_slots={self.fixed_slots}, got {slots}"
            )
        known = {"batch": batch, "slots": slots}
        return {
            tensor.name: np.ascontiguousarray(
                np.broadcast_to(
                    initial_row(tensor, slots, learned or {}),
                    [known[d] if isinstance(d, str) else d for d in tensor.shape],
                )
            )
            for tensor in self.state
        }


def initial_row(tensor: StateTensor, slots: int, learned: State) -> Float:
    """The initial value of a state tensor for one sequence, or what broadcasts to it."""
    match tensor.initial:
        case Constant(value=value):
            return np.array([value], np.float32)
        case OneHot(slot=slot):
            return np.eye(1, slots, slot, dtype=np.float32)
        case Tensor(name=name):
            return learned[name]
        case Positional(name=name):
            return positions(slots) @ learned[name]


def positions(slots: int) -> Float:
    """Where each slot lies on the circle of slots, for an initial memory that tells them apart.

    Column 0 is 1, then come cos(2π k n / N) for k = 1..3 and sin(2π k n / N) for k = 1..3.

    Args:
        slots: N
    Returns:
        [N, 7]
    """
    angles = 2 * np.pi * np.arange(slots)[:, None] / slots * np.arange(1, HARMONICS + 1)
    columns = (np.ones((slots, 1)), np.cos(angles), np.sin(angles))
    return np.concatenate(columns, axis=1).astype(np.float32)


def learned_values(config: NTMConfig, weights: State) -> State:
    """The learned initial values that the signature names, without the batch axis.

    Args:
        config: of the model
        weights: its parameters by name
    """
    if config.initial_memory == "constant":
        return {}
    if config.initial_memory == "learned":
        memory = weights["learned_memory"]
        first = memory[:1]
    else:
        memory = weights["position_code"]
        first = positions(1) @ memory
    return {"memory": memory, "reads": first.repeat(config.num_reads, axis=0)}


def signature(config: NTMConfig) -> Signature:
    """The signature of an ntm/1 model."""
    width, heads = config.M, config.num_heads
    memory, reads = {
        "constant": (Constant(value=INITIAL_VALUE), Constant(value=INITIAL_VALUE)),
        "learned": (Tensor(name="memory"), Tensor(name="reads")),
        "positional": (Positional(name="memory"), Tensor(name="reads")),
    }[config.initial_memory]
    state = [
        StateTensor(name="memory", shape=("batch", "slots", width), initial=memory),
        StateTensor(
            name="read_weightings",
            shape=("batch", config.num_reads, "slots"),
            initial=OneHot(slot=0),
        ),
        StateTensor(
            name="write_weightings",
            shape=("batch", config.num_writes, "slots"),
            initial=OneHot(slot=0),
        ),
        StateTensor(name="reads", shape=("batch", config.num_reads, width), initial=reads),
    ]
    if config.controller == "lstm":
        state += [
            StateTensor(
                name=name, shape=("batch", config.controller_size), initial=Constant(value=0)
            )
            for name in ("hidden", "cell")
        ]
    stages: list[tuple[str, tuple[Dimension, ...], bool]] = [
        ("key", (heads, width), True),
        ("key_strength", (heads, 1), True),
        ("content_weighting", (heads, "slots"), False),
        ("gate", (heads, 1), True),
        ("gated_weighting", (heads, "slots"), False),
        ("shift", (heads, config.shift_range), True),
        ("shifted_weighting", (heads, "slots"), False),
        ("sharpening", (heads, 1), True),
        ("weighting", (heads, "slots"), True),
        ("erase", (config.num_writes, width), True),
        ("add", (config.num_writes, width), True),
        ("reads", (config.num_reads, width), False),
        ("hidden", (config.controller_size,), False),
    ]
    if config.controller == "lstm":
        stages.append(("cell", (config.controller_size,), False))
    return Signature(
        architecture=config.architecture,
        input_size=config.input_size,
        output_size=config.output_size,
        read_heads=config.num_reads,
        write_heads=config.num_writes,
        memory_slots=config.N,
        fixed_slots=config.fixed_slots,
        memory_width=width,
        shifts=tuple(range(-config.max_shift, config.max_shift + 1)),
        state=tuple(state),
        stages=tuple(Stage(name=n, shape=s, pinnable=p) for n, s, p in stages),
    )
