"""What a model takes, gives and carries: the one description that everything downstream works from.

Export, engines, scheduler and sessions read names, shapes and initial values here and nowhere else.
"""

import math
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

HARMONICS = 3  # as many as tell slots apart; more would tie a model to its N

Float = NDArray[np.float32]
State = dict[str, Float]
Dimension = int | Literal["batch", "slots"]

# Whose a stage is: of every head, of the read or the write heads, of the memory, of the controller.
Owner = Literal["heads", "read", "write", "memory", "controller"]
HEADS_OF = ("heads", "read", "write")
SIDES = ("read_weightings", "write_weightings")
MEMORY = "memory"  # as reads see it; told beside the stages, for it follows from what is written
# A control is emitted by the controller; a weighting is over slots; a distribution sums to 1.
StageKind = Literal["control", "weighting", "distribution", "vector", "matrix"]
# Where a trace tells it; `weighting` is what its heads look at in the end.
Group = Literal["addressing", "weighting", "writes", "reads", "controller"]


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


class FirstSlot(_Frozen):
    """Slot 0 is the tensor [1, M] of this name in initial.safetensors, the others this value."""

    kind: Literal["first_slot"] = "first_slot"
    name: str
    value: float


Initial = Constant | OneHot | Tensor | Positional | FirstSlot


class StateTensor(_Frozen):
    """One tensor handed from step to step."""

    name: str
    shape: tuple[Dimension, ...]
    initial: Initial
    counts_steps: bool = Field(False, exclude=True)  # a whole number, not any


class Stage(_Frozen):
    """One recorded stage of a step; its shape is [T, B, *shape], heads first where it has an owner.

    What is not written to signature.json follows from the architecture.
    """

    name: str
    shape: tuple[Dimension, ...]
    pinnable: bool
    owner: Owner = Field("controller", exclude=True)
    kind: StageKind = Field("vector", exclude=True)
    group: Group = Field("controller", exclude=True)
    bounds: tuple[float | None, float | None] = Field((None, None), exclude=True)
    after_zero: float | None = Field(None, exclude=True)  # a last weighting to go on from instead
    symbol: str = Field("", exclude=True)
    equation: str = Field("", exclude=True)
    choices: tuple[str, ...] = Field((), exclude=True)  # of a distribution, where they have names

    @property
    def is_scalar(self) -> bool:
        """Whether it is one number a head, which traces tell without an axis for it."""
        return self.owner != "controller" and self.shape[-1] == 1

    @property
    def is_of_pairs(self) -> bool:
        """Whether it has a number for every pair of slots: N x N of them."""
        return self.shape.count("slots") > 1

    def size(self, slots: int) -> int:
        """Numbers of one head at one step, or of the whole stage where it has no heads."""
        inner = self.shape[1:] if self.owner in HEADS_OF else self.shape
        return math.prod(slots if isinstance(d, str) else d for d in inner)


class Written(_Frozen):
    """How a step's writes change the memory: ∘ (1 - w e) for every head, then + w a (Eq. 3, 4).

    Before that, what is left of each slot [N], where freeing a slot also wipes it. Where every read
    head has columns of its own, the one write head replaces what they held by a vector for each.
    """

    erase: str | None = "erase"  # the stages' names; None where all of what a slot held is
    add: str = "add"
    retention: str | None = None
    columns: tuple[int, ...] = ()  # each read head's first one, where `add` is of read heads


class Signature(_Frozen):
    """Inputs, outputs, stages and state of one step of a model.

    Of the stages, the one whose group is `weighting` says where its owner's heads look in the end.
    """

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
    reads_see: Literal["before", "after"] = Field("before", exclude=True)
    # `sentences`: slot n holds the sentence heard n-th, or N, 2 N, ... later
    slots_hold: Literal["rows", "sentences"] = Field("rows", exclude=True)
    slot_a_step: bool = Field(False, exclude=True)  # every step takes one: N steps are the longest
    written: Written | None = Field(None, exclude=True)  # None where it is in another way

    @property
    def heads(self) -> int:
        """Read heads come first, then write heads."""
        return self.read_heads + self.write_heads

    def stage(self, name: str) -> Stage:
        """The stage of this name.

        Raises:
            KeyError: there is none
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    def in_group(self, *groups: Group) -> tuple[Stage, ...]:
        """The stages of these groups, in the order in which a step computes them."""
        return tuple(stage for stage in self.stages if stage.group in groups)

    @property
    def controls(self) -> tuple[Stage, ...]:
        """What the controller emits for a head to find its place: a few numbers a step."""
        return tuple(s for s in self.in_group("addressing") if s.kind != "weighting")

    @property
    def pinnable(self) -> tuple[Stage, ...]:
        """The stages that an intervention may set."""
        return tuple(stage for stage in self.stages if stage.pinnable)

    def heads_of(self, stage: Stage) -> range:
        """The heads that a stage belongs to, numbered as read heads first."""
        first = 0 if stage.owner in ("heads", "read") else self.read_heads
        last = self.read_heads if stage.owner == "read" else self.heads
        return range(first, last) if stage.owner in HEADS_OF else range(0)

    def weightings(self, values: Mapping[str, Any], axis: int) -> dict[str, Any]:
        """`read_weightings` and `write_weightings`, as far as their stages are recorded.

        Args:
            values: stages by name, arrays or tensors
            axis: that of the heads
        """
        found: dict[str, Any] = {}
        for stage in self.in_group("weighting"):
            if stage.name not in values:
                continue
            first = self.heads_of(stage).start
            for side, heads in self.sides_of(stage).items():
                at = (slice(None),) * axis + (slice(heads.start - first, heads.stop - first),)
                found[side] = values[stage.name][at]
        return {side: found[side] for side in self.sides if side in found}

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """`read_weightings` and `write_weightings`, as far as there are such heads."""
        return tuple(side for side, stages in self.weightings_on.items() if stages)

    @property
    def has_memory(self) -> bool:
        """Whether there is a matrix [N, M] that the reads of a step see."""
        return any(tensor.name == MEMORY for tensor in self.state)

    @property
    def recordable(self) -> tuple[str, ...]:
        """What a step can be asked for beside its outputs: weightings, stages, the memory."""
        stages = (stage.name for stage in self.stages)
        return tuple(dict.fromkeys((*self.sides, *stages, *((MEMORY,) if self.has_memory else ()))))

    def ordered(self, names: Collection[str]) -> tuple[str, ...]:
        """Those of the names that are `recordable`, in the order of the table."""
        return tuple(name for name in self.recordable if name in names) if names else ()

    @cached_property
    def weightings_on(self) -> dict[str, tuple[Stage, ...]]:
        """The stages that are `read_weightings`, and those that are `write_weightings`."""
        weightings = self.in_group("weighting")
        return {
            side: tuple(stage for stage in weightings if side in self.sides_of(stage))
            for side in SIDES
        }

    def heads_on(self, side: str) -> int:
        """How many heads have `read_weightings`, or `write_weightings`."""
        return self.read_heads if side == SIDES[0] else self.write_heads

    def sides_of(self, stage: Stage) -> dict[str, range]:
        """The heads of a stage that are read heads and those that are write heads, if any."""
        own = self.heads_of(stage)
        split = (range(self.read_heads), range(self.read_heads, self.heads))
        return {
            side: heads
            for side, heads in zip(SIDES, split, strict=True)
            if len(heads) and heads.start in own
        }

    @property
    def why_fixed(self) -> str:
        """Why it runs with one number of slots only."""
        return "learned its initial memory" if self.fixed_slots else "has no memory slots"

    def slots_of(self, shapes: Mapping[str, tuple[int, ...]]) -> int:
        """N, as the shapes of a state's tensors have it; 0 where no tensor has slots."""
        for tensor in self.state:
            if "slots" in tensor.shape:
                return shapes[tensor.name][tensor.shape.index("slots")]
        return 0

    def slots_for(self, steps: int, needed: int = 0) -> int:
        """N for a sequence: the model's own, or more where the sequence needs more.

        Args:
            steps: of the sequence
            needed: slots that its task asks for
        """
        if self.fixed_slots is not None:
            return self.fixed_slots
        return max(self.memory_slots, needed, steps if self.slot_a_step else 0)

    def refuse_longer(self, steps: int, slots: int) -> None:
        """Say no to a sequence that has more steps than there are slots, where each takes one.

        Args:
            steps: of the whole sequence, from its first
            slots: N
        Raises:
            ValueError: it has
        """
        if self.slot_a_step and steps > slots:
            raise ValueError(
                f"a sequence should have at most memory_slots={slots} steps, as each takes a slot "
                f"of its own, got {steps}"
            )

    @cached_property
    def _numbers_of_state(self) -> list[int]:
        """How many numbers a state has, a polynomial in N: its coefficients, the highest first."""
        powers = [tensor.shape.count("slots") for tensor in self.state]
        coefficients = [0] * (max(powers, default=0) + 1)
        for tensor, power in zip(self.state, powers, strict=True):
            coefficients[-1 - power] += math.prod(d for d in tensor.shape if isinstance(d, int))
        return coefficients

    def state_bytes(self, slots: int) -> int:
        """Bytes that one sequence carries from step to step with so many slots."""
        numbers = 0
        for coefficient in self._numbers_of_state:
            numbers = numbers * slots + coefficient
        return 4 * numbers

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
                f"this model {self.why_fixed} and runs only with "
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
        case FirstSlot(name=name, value=value):
            rest = np.full((slots - 1, learned[name].shape[-1]), value, np.float32)
            return np.concatenate((learned[name], rest))


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
