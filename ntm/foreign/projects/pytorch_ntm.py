"""loudinthecloud/pytorch-ntm: a state dict, by the wiring of 2017 or of master."""

import numpy as np

from ntm.architectures.ntm.wired.config import WiredNTMConfig
from ntm.architectures.ntm.wired.wiring import PRESETS
from ntm.foreign.converted import Array, Converted, Linear, Named, Tensors, gates, heads, layers
from ntm.foreign.errors import ForeignFile


def convert(tensors: Tensors, source: str, preset: str) -> Converted:
    """The model of a state dict.

    Args:
        tensors: by name
        source: the file, for a sentence
        preset: `pytorch-ntm` or `pytorch-ntm-2017`
    Raises:
        ForeignFile: it is no such model
    """
    named = Named(tensors, source)
    if "ntm.controller.lstm.weight_ih_l1" in named:
        raise ForeignFile(f"{source}: a controller of several layers is not read")
    controller = gates(named, "ntm.controller.lstm.", "_l0")
    size = len(controller.bias) // 4
    memory = named.take("ntm.memory.mem_bias", None, None)
    slots, width = memory.shape
    reads: list[Array] = []
    told: list[dict[str, Linear]] = []
    erases: list[Linear] = []
    adds: list[Linear] = []
    while f"ntm.heads.{2 * len(reads)}.fc_read.weight" in named:
        pair = len(reads)
        reads.append(named.take(f"ntm.read{pair}_bias", 1, width)[0])
        told.append(addressing(named.linear(f"ntm.heads.{2 * pair}.fc_read"), width))
    for pair in range(len(reads)):
        writer = named.linear(f"ntm.heads.{2 * pair + 1}.fc_write")
        told.append(addressing(writer, width))
        erases.append(writer.rows(width + 6, 2 * width + 6))
        adds.append(writer.rows(2 * width + 6, 3 * width + 6))
    output = named.linear("ntm.fc")
    wiring = PRESETS[preset]
    if len(reads) > 1:
        wiring = wiring.model_copy(update={"order": "pairs"})
    config = WiredNTMConfig(
        input_size=controller.weight.shape[1] - size - len(reads) * width,
        output_size=len(output.bias),
        controller_size=size,
        N=slots,
        M=width,
        num_reads=len(reads),
        num_writes=len(reads),
        initial_memory="learned",
        wiring=wiring,
    )
    weights = layers(
        controller__gates=controller, heads__linear=heads(told, erases, adds), output=output
    ) | {
        "starts.memory": memory,
        "starts.reads": np.array(reads),
        "starts.hidden": named.take("ntm.controller.lstm_h_bias", 1, 1, size)[0, 0],
        "starts.cell": named.take("ntm.controller.lstm_c_bias", 1, 1, size)[0, 0],
    }
    named.finish(unused=("mem_bias",))  # the same buffer once more
    return Converted(config, weights)


def addressing(layer: Linear, width: int) -> dict[str, Linear]:
    """k, β, g, s and γ of one head, in this order in its layer."""
    return {
        "key": layer.rows(0, width),
        "key_strength": layer.rows(width, width + 1),
        "gate": layer.rows(width + 1, width + 2),
        "shift": layer.rows(width + 2, width + 5).reversed,
        "sharpening": layer.rows(width + 5, width + 6),
    }
