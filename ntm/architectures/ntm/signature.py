"""The signature of a Neural Turing Machine: its state, its stages, its learned initial values."""

from ntm.architectures.ntm.config import NTMConfig
from ntm.signature import (
    Constant,
    OneHot,
    Positional,
    Signature,
    Stage,
    StageKind,
    State,
    StateTensor,
    Tensor,
    Written,
    positions,
)

INITIAL_VALUE = 1e-6

# A head whose weighting is zero and whose gate keeps all of it has nothing to sharpen: Eq. 9 would
# be 0 / 0. It goes on from this on every slot, which adds nothing and sharpens to uniform.
FAINT = 1e-20
LARGEST = 1e6  # of what may be pinned: beyond it norms and sums could leave float32


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
    width = config.M
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
        stages=stages(config),
        written=Written(),
    )


def stages(config: NTMConfig) -> tuple[Stage, ...]:
    """The stages of a step in the order in which they are computed (Eq. 3 to 9)."""
    width, heads, writes = config.M, config.num_heads, config.num_writes
    table = [
        _emitted("key", "k", (heads, width), (-LARGEST, LARGEST)),
        _emitted("key_strength", "β", (heads, 1), (0, LARGEST)),
        _weighting("content_weighting", "w^c", heads, "Eq. 5, 6"),
        _emitted("gate", "g", (heads, 1), (0, 1)),
        _weighting("gated_weighting", "w^g", heads, "Eq. 7"),
        _emitted("shift", "s", (heads, config.shift_range), (0, 1), "distribution"),
        _weighting("shifted_weighting", "w~", heads, "Eq. 8"),
        _emitted("sharpening", "γ", (heads, 1), (1, LARGEST)),
        Stage(
            name="weighting",
            shape=(heads, "slots"),
            pinnable=True,
            owner="heads",
            kind="weighting",
            group="weighting",
            bounds=(0, LARGEST),
            after_zero=FAINT,
            symbol="w",
            equation="Eq. 9",
        ),
        _written("erase", "e", (writes, width), (0, 1), "Eq. 3"),
        _written("add", "a", (writes, width), (-LARGEST, LARGEST), "Eq. 4"),
        Stage(
            name="reads",
            shape=(config.num_reads, width),
            pinnable=False,
            owner="read",
            group="reads",
            symbol="r",
            equation="Eq. 2",
        ),
        Stage(name="hidden", shape=(config.controller_size,), pinnable=False, symbol="h"),
    ]
    if config.controller == "lstm":
        table.append(
            Stage(name="cell", shape=(config.controller_size,), pinnable=False, symbol="c")
        )
    return tuple(table)


def _emitted(
    name: str,
    symbol: str,
    shape: tuple[int, int],
    bounds: tuple[float, float],
    kind: StageKind = "control",
) -> Stage:
    """What the controller emits for every head."""
    return Stage(
        name=name,
        shape=shape,
        pinnable=True,
        owner="heads",
        kind=kind,
        group="addressing",
        bounds=bounds,
        symbol=symbol,
    )


def _weighting(name: str, symbol: str, heads: int, equation: str) -> Stage:
    """A weighting on the way to the last one."""
    return Stage(
        name=name,
        shape=(heads, "slots"),
        pinnable=False,
        owner="heads",
        kind="weighting",
        group="addressing",
        bounds=(0, 1),
        symbol=symbol,
        equation=equation,
    )


def _written(
    name: str, symbol: str, shape: tuple[int, int], bounds: tuple[float, float], equation: str
) -> Stage:
    """What the controller emits for every write head."""
    return Stage(
        name=name,
        shape=shape,
        pinnable=True,
        owner="write",
        kind="control",
        group="writes",
        bounds=bounds,
        symbol=symbol,
        equation=equation,
    )
