"""A toy architecture, as somebody else would write it: a ring buffer that is read by a key.

Every step writes its input's code into the next slot of the ring and reads by a softmax over keys.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from ntm.architectures import catalogue
from ntm.architectures.model import Model, Pin, unpinned
from ntm.architectures.onnx_step import OnnxStep, Values
from ntm.architectures.onnx_step import Pin as GraphPin
from ntm.signature import Constant, OneHot, Signature, Stage, StateTensor


class RingConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    architecture: Literal["ring/1"] = "ring/1"
    input_size: int
    output_size: int
    N: int = 8
    M: int = 4
    output: Literal["sigmoid"] = "sigmoid"
    fixed_slots: None = None
    summary: str = "a ring"


def signature(config: RingConfig) -> Signature:
    slots, width = "slots", config.M
    read, written = ("batch", 1, slots), ("batch", 1, slots)
    return Signature(
        architecture=config.architecture, input_size=config.input_size,
        output_size=config.output_size, read_heads=1, write_heads=1, memory_slots=config.N,
        fixed_slots=None, memory_width=width, shifts=(), reads_see="after",
        state=(
            StateTensor(name="memory", shape=("batch", slots, width), initial=Constant(value=0)),
            StateTensor(name="read_weightings", shape=read, initial=OneHot(slot=0)),
            StateTensor(name="write_weightings", shape=written, initial=OneHot(slot=0)),
        ),
        stages=(
            Stage(name="query", shape=(1, width), pinnable=True, owner="read", kind="control",
                  group="addressing", bounds=(-100, 100)),
            Stage(name="ring_weighting", shape=(1, slots), pinnable=True, owner="write",
                  kind="weighting", group="weighting", bounds=(0, 1)),
            Stage(name="code", shape=(1, width), pinnable=True, owner="write", kind="control",
                  group="writes", bounds=(-100, 100)),
            Stage(name="match", shape=(1, slots), pinnable=True, owner="read", kind="weighting",
                  group="weighting", bounds=(0, 1)),
            Stage(name="reads", shape=(1, width), pinnable=False, owner="read", group="reads"),
        ),
    )  # fmt: skip


class RingState(NamedTuple):
    memory: Tensor
    read_weightings: Tensor
    write_weightings: Tensor


class Ring(Model):
    def __init__(self, config: RingConfig) -> None:
        super().__init__()
        self.config = config
        self.query = nn.Linear(config.input_size, config.M)
        self.code = nn.Linear(config.input_size, config.M)
        self.output = nn.Linear(config.M, config.output_size)

    def initial_state(self, batch_size: int, memory_slots: int | None = None) -> RingState:
        state = self.signature.initial_state(batch_size, memory_slots or self.config.N)
        return self.state_from({n: torch.tensor(v) for n, v in state.items()})

    def state_from(self, tensors: dict[str, Tensor]) -> RingState:
        return RingState(*(v.to(self.output.weight) for v in tensors.values()))

    def step(
        self, x: Tensor, state: RingState, pin: Pin = unpinned
    ) -> tuple[Tensor, RingState, dict[str, Tensor]]:
        query, code = pin("query", self.query(x)[:, None]), pin("code", self.code(x)[:, None])
        ring = pin("ring_weighting", state.write_weightings.roll(1, -1))
        memory = state.memory * (1 - ring.transpose(1, 2)) + ring.transpose(1, 2) * code
        match = pin("match", torch.softmax(query @ memory.transpose(1, 2), -1))
        reads = match @ memory
        stages = {"query": query, "ring_weighting": ring, "code": code, "match": match}
        stages |= {"reads": reads, "memory": memory}
        return self.output(reads[:, 0]), RingState(memory, match, ring), stages


class RingStep(OnnxStep):
    def __call__(
        self, x: str, packed: Values, prepared: None, pin: GraphPin
    ) -> tuple[Values, Values, str]:
        g, width, one = self.graph, self.config.M, self.graph.floats(1.0)
        query = pin("query", g.reshape(self.linear("query", x), -1, 1, width))
        code = pin("code", g.reshape(self.linear("code", x), -1, 1, width))
        last = g.add("Slice", packed["write_weightings"], *map(g.integers, (-1, 2**31, 2)))
        rest = g.add("Slice", packed["write_weightings"], *map(g.integers, (0, -1, 2)))
        ring = pin("ring_weighting", g.concat([last, rest], 2))
        column = g.add("Transpose", ring, perm=[0, 2, 1])
        kept = g.add("Mul", packed["memory"], g.add("Sub", one, column))
        memory = g.add("Add", kept, g.add("Mul", column, code))
        scores = g.add("MatMul", query, g.add("Transpose", memory, perm=[0, 2, 1]))
        match = pin("match", g.add("Softmax", scores, axis=-1))
        reads = g.add("MatMul", match, memory)
        state = {"memory": memory, "read_weightings": match, "write_weightings": ring}
        stages = {"query": query, "ring_weighting": ring, "code": code, "match": match}
        output = self.linear("output", g.reshape(reads, -1, width))
        return state, stages | {"reads": reads}, output


def register() -> None:
    """What the entry point `ntm.architectures` of a package would name."""
    here = "tests.toy_architecture"
    catalogue.register(
        catalogue.Architecture(
            name="ring/1", title="Ring", config=f"{here}:RingConfig", signature=f"{here}:signature",
            model=f"{here}:Ring", onnx_step=f"{here}:RingStep",
        )
    )  # fmt: skip


def installed(package: Path) -> str:
    """The PYTHONPATH with a package in this folder whose entry point registers it."""
    metadata = package / "toy-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[ntm.architectures]\nring = tests.toy_architecture:register\n"
    )
    return f"{package}:{Path(__file__).parents[1]}"
