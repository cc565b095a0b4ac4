"""The signature of a dnc/2 model: that of dnc/1, with what its wiring changes."""

from ntm.architectures.dnc import signature as plain
from ntm.architectures.dnc.wired.config import WiredDNCConfig
from ntm.signature import Constant, Signature

FILLED = ("memory", "read_weightings", "write_weightings", "reads")


def signature(config: WiredDNCConfig) -> Signature:
    """The signature of a dnc/2 model."""
    told = plain.signature(config)
    initial = Constant(value=config.wiring.first_value)
    state = tuple(
        tensor.model_copy(update={"initial": initial}) if tensor.name in FILLED else tensor
        for tensor in told.state
    )
    stages = told.stages
    if config.wiring.strength == "softplus":
        weak = {"bounds": (0, plain.LARGEST)}
        stages = tuple(
            stage.model_copy(update=weak) if stage.name.endswith("strength") else stage
            for stage in stages
        )
    return told.model_copy(update={"state": state, "stages": stages})
