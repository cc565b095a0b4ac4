"""The signature of an end-to-end memory network: its state and its stages."""

from ntm.architectures.memory_network.config import MemoryNetworkConfig
from ntm.signature import Constant, Signature, Stage, StateTensor

LARGEST = 1e6  # of what may be pinned: beyond it sums could leave float32


def signature(config: MemoryNetworkConfig) -> Signature:
    """The signature of a memory-network/1 model."""
    return Signature(
        architecture=config.architecture,
        input_size=config.input_size,
        output_size=config.output_size,
        read_heads=1,
        write_heads=1,
        memory_slots=config.N,
        fixed_slots=None,
        memory_width=config.width,
        shifts=(),
        state=state(config),
        stages=stages(config),
        reads_see="after",
        slots_hold="sentences",
    )


def state(config: MemoryNetworkConfig) -> tuple[StateTensor, ...]:
    """No sentence, no question: all hops are done before the first step."""
    return (
        StateTensor(
            name="memory", shape=("batch", "slots", config.width), initial=Constant(value=0)
        ),
        StateTensor(name="heard", shape=("batch", 1), initial=Constant(value=0)),
        StateTensor(name="internal", shape=("batch", config.d), initial=Constant(value=0)),
        StateTensor(name="hop", shape=("batch", 1), initial=Constant(value=config.hops)),
    )


def stages(config: MemoryNetworkConfig) -> tuple[Stage, ...]:
    """The stages of a step in the order in which they are computed (Section 2)."""
    return (
        Stage(
            name="add",
            shape=(1, config.width),
            pinnable=True,
            owner="write",
            kind="control",
            group="writes",
            bounds=(-LARGEST, LARGEST),
            symbol="m, c",
            equation="Section 4.1",
        ),
        Stage(
            name="write_weighting",
            shape=(1, "slots"),
            pinnable=True,
            owner="write",
            kind="weighting",
            group="weighting",
            bounds=(0, 1),
        ),
        Stage(
            name="query",
            shape=(1, config.d),
            pinnable=True,
            owner="read",
            kind="control",
            group="addressing",
            bounds=(-LARGEST, LARGEST),
            symbol="u",
        ),
        Stage(
            name="attention",
            shape=(1, "slots"),
            pinnable=True,
            owner="read",
            kind="weighting",
            group="weighting",
            bounds=(0, 1),
            symbol="p",
            equation="Eq. 1",
        ),
        Stage(
            name="reads",
            shape=(1, config.d),
            pinnable=False,
            owner="read",
            group="reads",
            symbol="o",
            equation="Eq. 2",
        ),
        Stage(
            name="internal",
            shape=(config.d,),
            pinnable=False,
            symbol="u",
            equation="Eq. 4",
        ),
    )
