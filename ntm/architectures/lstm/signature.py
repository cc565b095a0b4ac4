"""The signature of an LSTM: its cells, and nothing to address."""

from ntm.architectures.lstm.config import LSTMConfig
from ntm.signature import Constant, Signature, Stage, StateTensor

GATES = ("input_gate", "forget_gate", "candidate", "output_gate")  # the order of PyTorch's weights


def signature(config: LSTMConfig) -> Signature:
    """The signature of an lstm/1 model."""
    width = (config.layers, config.size)
    return Signature(
        architecture=config.architecture,
        input_size=config.input_size,
        output_size=config.output_size,
        read_heads=0,
        write_heads=0,
        memory_slots=config.N,
        fixed_slots=config.fixed_slots,
        memory_width=0,
        shifts=(),
        state=tuple(
            StateTensor(name=name, shape=("batch", *width), initial=Constant(value=0))
            for name in ("hidden", "cell")
        ),
        stages=tuple(
            Stage(name=name, shape=width, pinnable=False, kind=kind, symbol=symbol)
            for name, kind, symbol in (
                ("input_gate", "control", "i"),
                ("forget_gate", "control", "f"),
                ("candidate", "control", "g"),
                ("output_gate", "control", "o"),
                ("cell", "matrix", "c"),
                ("hidden", "matrix", "h"),
            )
        ),
    )
