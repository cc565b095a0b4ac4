"""What a model takes, gives and carries: the one description that everything downstream works from.

Export, engines, scheduler and sessions read names, shapes and initial values here and nowhere else.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ntm.config import NTMConfig

INITIAL_VALUE = 1e-6

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


class StateTensor(_Frozen):
    """One tensor handed from step to step."""

    name: str
    shape: tuple[Dimension, ...]
    initial: Constant | OneHot | Tensor


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
        state: State = {}
        for tensor in self.state:
            shape = [known[d] if isinstance(d, str) else d for d in tensor.shape]
            match tensor.initial:
                case Constant(value=value):
                    state[tensor.name] = np.full(shape, value, dtype=np.float32)
                case OneHot(slot=slot):
                    state[tensor.name] = np.zeros(shape, dtype=np.float32)
                    state[tensor.name][..., slot] = 1
                case Tensor(name=name):
                    row = (learned or {})[name]
                    state[tensor.name] = np.broadcast_to(row, shape).astype(np.float32)
        return state


def learned_values(config: NTMConfig, weights: State) -> State:
    """The learned initial values that the signature names, without the batch axis.

    Args:
        config: of the model
        weights: its parameters by name
    """
    if config.initial_memory != "learned":
        return {}
    memory = weights["learned_memory"]
    return {"memory": memory, "reads": memory[:1].repeat(config.num_reads, axis=0)}


def signature(config: NTMConfig) -> Signature:
    """The signature of an ntm/1 model."""
    width, heads = config.M, config.num_heads
    learned = config.initial_memory == "learned"
    memory = Tensor(name="memory") if learned else Constant(value=INITIAL_VALUE)
    reads = Tensor(name="reads") if learned else Constant(value=INITIAL_VALUE)
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
