"""The signature of a Differentiable Neural Computer: its state and its stages."""

from ntm.architectures.dnc.config import READ_MODES, DNCConfig, interface_widths
from ntm.signature import Constant, Dimension, Owner, Signature, Stage, StateTensor, Written

LARGEST = 1e6  # of what may be pinned: beyond it norms and sums could leave float32

# Bounds of what the interface emits, by the activation of each part.
BOUNDS: dict[str, tuple[float, float]] = {
    "read_strength": (1, LARGEST),
    "write_strength": (1, LARGEST),
    "erase": (0, 1),
    "free_gate": (0, 1),
    "allocation_gate": (0, 1),
    "write_gate": (0, 1),
    "read_mode": (0, 1),
    "read_mask": (0, 1),
    "write_mask": (0, 1),
    "backward_sharpness": (1, LARGEST),
    "forward_sharpness": (1, LARGEST),
}
SYMBOLS = {
    "read_key": "k^r",
    "read_strength": "β^r",
    "write_key": "k^w",
    "write_strength": "β^w",
    "erase": "e",
    "add": "v",
    "free_gate": "f",
    "allocation_gate": "g^a",
    "write_gate": "g^w",
    "read_mode": "π",
}
WRITE_HEAD = (
    "write_key",
    "write_strength",
    "erase",
    "add",
    "allocation_gate",
    "write_gate",
    "write_mask",
)


def signature(config: DNCConfig) -> Signature:
    """The signature of a dnc/1 model."""
    return Signature(
        architecture=config.architecture,
        input_size=config.input_size,
        output_size=config.output_size,
        read_heads=config.num_reads,
        write_heads=1,
        memory_slots=config.N,
        fixed_slots=None,
        memory_width=config.W,
        shifts=(),
        state=state(config),
        stages=stages(config),
        reads_see="after",
        written=Written(retention="retention" if config.deallocation else None),
    )


def state(config: DNCConfig) -> tuple[StateTensor, ...]:
    """All of it zero before the first step."""
    shapes: dict[str, tuple[Dimension, ...]] = {
        "memory": ("slots", config.W),
        "usage": ("slots",),
    }
    if config.links:
        shapes |= {"precedence": ("slots",), "link": ("slots", "slots")}
    shapes |= {
        "read_weightings": (config.num_reads, "slots"),
        "write_weightings": (1, "slots"),
        "reads": (config.num_reads, config.W),
    }
    if config.controller == "lstm":
        shapes |= {"hidden": (config.controller_size,), "cell": (config.controller_size,)}
    return tuple(
        StateTensor(name=name, shape=("batch", *shape), initial=Constant(value=0))
        for name, shape in shapes.items()
    )


def stages(config: DNCConfig) -> tuple[Stage, ...]:
    """The stages of a step in the order in which they are computed (Methods, 2016)."""
    table = [_emitted(name, shape) for name, shape in interface_widths(config).items()]
    table += [
        _of_memory("retention", ("slots",), "ψ"),
        _of_memory("usage", ("slots",), "u"),
        _weighting("allocation_weighting", 1, "write", "a"),
        _weighting("write_content_weighting", 1, "write", "c^w"),
        _weighting("write_weighting", 1, "write", "w^w", is_last=True),
    ]
    reads = config.num_reads
    if config.links:
        table += [
            _of_memory("link", ("slots", "slots"), "L"),
            _of_memory("precedence", ("slots",), "p"),
        ]
    table.append(_weighting("read_content_weighting", reads, "read", "c^r"))
    if config.links:
        table += [
            _weighting("forward_weighting", reads, "read", "f"),
            _weighting("backward_weighting", reads, "read", "b"),
        ]
    table += [
        _weighting("read_weighting", reads, "read", "w^r", is_last=True),
        Stage(
            name="reads", shape=(reads, config.W), pinnable=False, owner="read", group="reads",
            symbol="r",
        ),
        Stage(name="hidden", shape=(config.controller_size,), pinnable=False, symbol="h"),
    ]  # fmt: skip
    if config.controller == "lstm":
        table.append(Stage(name="cell", shape=(config.controller_size,), pinnable=False))
    return tuple(table)


def _emitted(name: str, shape: tuple[int, int]) -> Stage:
    """A part of the interface vector."""
    return Stage(
        name=name,
        shape=shape,
        pinnable=True,
        owner="write" if name in WRITE_HEAD else "read",
        kind="distribution" if name == "read_mode" else "control",
        group="writes" if name in ("erase", "add") else "addressing",
        bounds=BOUNDS.get(name, (-LARGEST, LARGEST)),
        symbol=SYMBOLS.get(name, ""),
        choices=_ways(shape[1]) if name == "read_mode" else (),
    )


def _ways(modes: int) -> tuple[str, ...]:
    """What the numbers of a read mode are of: without links there is content only."""
    return READ_MODES if modes > 1 else ("content",)


def _weighting(name: str, heads: int, owner: Owner, symbol: str, *, is_last: bool = False) -> Stage:
    """A weighting on the way, or the last one, which says where the heads look."""
    return Stage(
        name=name,
        shape=(heads, "slots"),
        pinnable=is_last,
        owner=owner,
        kind="weighting",
        group="weighting" if is_last else "addressing",
        bounds=(0, 1),
        symbol=symbol,
    )


def _of_memory(name: str, shape: tuple[Dimension, ...], symbol: str) -> Stage:
    """What is known of every slot, whichever head wrote it."""
    return Stage(
        name=name,
        shape=shape,
        pinnable=False,
        owner="memory",
        kind="matrix" if len(shape) > 1 else "vector",
        group="writes",
        bounds=(0, 1),
        symbol=symbol,
    )
