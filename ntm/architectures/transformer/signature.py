"""The signature of a Transformer: its cache and what every layer's heads look at."""

from ntm.architectures.transformer.config import TransformerConfig
from ntm.signature import Constant, Signature, Stage, StateTensor, Written


def memory_width(config: TransformerConfig) -> int:
    """Of a slot: every layer's keys, then its values, head after head."""
    return config.layers * 2 * config.width


def value_columns(config: TransformerConfig) -> tuple[int, ...]:
    """Of a slot, the first column of the value of every head, layer after layer."""
    heads, width = config.heads, config.width
    return tuple(
        (2 * layer + 1) * width + head * config.head_width
        for layer in range(config.layers)
        for head in range(heads)
    )


def signature(config: TransformerConfig) -> Signature:
    """The signature of a transformer/1 model; its read heads are numbered layer after layer."""
    zero, width = Constant(value=0), memory_width(config)
    state = [
        StateTensor(name="memory", shape=("batch", "slots", width), initial=zero),
        StateTensor(name="used", shape=("batch", "slots"), initial=zero),
        StateTensor(name="position", shape=("batch", 1), initial=zero, counts_steps=True),
    ]
    if config.feedback:
        state.append(StateTensor(name="answer", shape=("batch", config.output_size), initial=zero))
    return Signature(
        architecture=config.architecture,
        input_size=config.input_size,
        output_size=config.output_size,
        read_heads=config.layers * config.heads,
        write_heads=1,
        memory_slots=config.N,
        fixed_slots=None,
        memory_width=width,
        shifts=(),
        state=tuple(state),
        stages=stages(config),
        reads_see="after",
        slot_a_step=True,
        written=Written(erase=None, add="value", columns=value_columns(config)),
    )


def stages(config: TransformerConfig) -> tuple[Stage, ...]:
    """The stages of a step in the order in which they are computed."""
    heads, width = config.layers * config.heads, config.head_width
    return (
        Stage(
            name="write_weighting", shape=(1, "slots"), pinnable=True, owner="write",
            kind="weighting", group="weighting", bounds=(0, 1), symbol="w",
        ),
        Stage(
            name="used", shape=("slots",), pinnable=False, owner="memory", group="writes",
            bounds=(0, 1), symbol="u",
        ),
        Stage(
            name="query", shape=(heads, width), pinnable=False, owner="read", kind="control",
            group="addressing", symbol="q",
        ),
        Stage(
            name="key", shape=(heads, width), pinnable=False, owner="read", kind="control",
            group="addressing", symbol="k",
        ),
        Stage(
            name="value", shape=(heads, width), pinnable=False, owner="read", kind="control",
            group="addressing", symbol="v",
        ),
        Stage(
            name="attention", shape=(heads, "slots"), pinnable=True, owner="read",
            kind="weighting", group="weighting", bounds=(0, 1), symbol="a",
        ),
        Stage(
            name="reads", shape=(heads, width), pinnable=False, owner="read", group="reads",
            symbol="r",
        ),
        Stage(
            name="hidden", shape=(config.layers + 1, config.width), pinnable=False, kind="matrix",
            symbol="h",
        ),
    )  # fmt: skip
