"""The signature of an ntm/2 model: that of ntm/1, with what its wiring changes."""

import numpy as np

from ntm.architectures.ntm import signature as plain
from ntm.architectures.ntm.signature import INITIAL_VALUE, LARGEST
from ntm.architectures.ntm.wired.config import WiredNTMConfig
from ntm.signature import (
    Constant,
    FirstSlot,
    Initial,
    OneHot,
    Positional,
    Signature,
    Stage,
    State,
    StateTensor,
    Tensor,
    Written,
    positions,
)

POSITIVE = (0.0, LARGEST)


def learned_values(config: WiredNTMConfig, weights: State) -> State:
    """The learned initial values that the signature names, without the batch axis."""
    starts = {
        name.removeprefix("starts."): value
        for name, value in weights.items()
        if name.startswith("starts.")
    }
    found = dict(starts)
    if "weightings" in starts:
        powers = np.exp(starts["weightings"] - starts["weightings"].max(axis=-1, keepdims=True))
        sides = powers / powers.sum(axis=-1, keepdims=True)
        found["read_weightings"] = sides[: config.num_reads]
        found["write_weightings"] = sides[config.num_reads :]
        del found["weightings"]
    if "memory" in starts and "reads" not in starts:
        first = positions(1) @ starts["memory"] if is_positional(config) else starts["memory"][:1]
        found["reads"] = first.repeat(config.num_reads, axis=0)
    return found


def is_positional(config: WiredNTMConfig) -> bool:
    """Whether the initial memory follows from where each slot lies."""
    return config.initial_memory == "positional"


def signature(config: WiredNTMConfig) -> Signature:
    """The signature of an ntm/2 model."""
    wiring = config.wiring
    return Signature(
        architecture=config.architecture,
        input_size=config.input_size,
        output_size=config.output_size,
        read_heads=config.num_reads,
        write_heads=config.num_writes,
        memory_slots=config.N,
        fixed_slots=config.fixed_slots,
        memory_width=config.M,
        shifts=tuple(range(-config.max_shift, config.max_shift + 1)),
        state=state(config),
        stages=tuple(bounded(config, stage) for stage in stages(config)),
        reads_see="after" if wiring.order == "write-read" else "before",
        written=None if is_mixed(config) else Written(),
    )


def is_mixed(config: WiredNTMConfig) -> bool:
    """Whether some reads of a step see what others of its heads have just written."""
    return config.wiring.order == "pairs" and config.num_reads > 1


def state(config: WiredNTMConfig) -> tuple[StateTensor, ...]:
    """What it carries, and where that starts."""
    wiring, reads, writes = config.wiring, config.num_reads, config.num_writes
    constant = Constant(value=INITIAL_VALUE)
    memory: dict[str, Initial] = {
        "constant": constant,
        "learned": Tensor(name="memory"),
        "positional": Positional(name="memory"),
        "first-slot": FirstSlot(name="memory", value=INITIAL_VALUE),
    }
    learned_reads = wiring.first_reads == "learned" or config.initial_memory != "constant"
    first_reads: Initial = Tensor(name="reads") if learned_reads else constant

    def weightings(side: str) -> Initial:
        if wiring.first_weightings == "learned":
            return Tensor(name=side)
        zero = wiring.first_weightings == "zero"
        return Constant(value=0) if zero else OneHot(slot=0)

    tensors = [
        StateTensor(
            name="memory",
            shape=("batch", "slots", config.M),
            initial=memory[config.initial_memory],
        ),
        *(
            StateTensor(name=side, shape=("batch", heads, "slots"), initial=weightings(side))
            for side, heads in (("read_weightings", reads), ("write_weightings", writes))
        ),
        StateTensor(name="reads", shape=("batch", reads, config.M), initial=first_reads),
    ]
    names = {"lstm": ("hidden", "cell"), "recurrent": ("hidden",)}.get(config.controller, ())
    for name in names:
        learned = wiring.first_controller == "learned"
        initial: Initial = Tensor(name=name) if learned else Constant(value=0)
        tensors.append(
            StateTensor(name=name, shape=("batch", config.controller_size), initial=initial)
        )
    return tuple(tensors)


def stages(config: WiredNTMConfig) -> tuple[Stage, ...]:
    """Those of ntm/1: a wiring changes how they are computed, not which there are."""
    return plain.stages(config)


def bounded(config: WiredNTMConfig, stage: Stage) -> Stage:
    """A stage with what its activation can give where that is more than in ntm/1."""
    if stage.name == "erase" and config.wiring.erase == "relu":
        return stage.model_copy(update={"bounds": POSITIVE})
    return stage
