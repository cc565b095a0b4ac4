"""vlgiitr/ntm-pytorch: a module that was saved whole, or its state dict."""

import numpy as np

from ntm.architectures.ntm.wired.config import WiredNTMConfig
from ntm.architectures.ntm.wired.wiring import PRESETS
from ntm.foreign.converted import Converted, Linear, Named, Tensors, gates, heads, layers
from ntm.foreign.errors import ForeignFile

SEED = 1  # of the first read vectors, which that project draws anew at every run
PARTS = {
    "key": "key_fc",
    "key_strength": "key_strength_fc",
    "gate": "interpolation_gate_fc",
    "shift": "shift_weighting_fc",
    "sharpening": "sharpen_factor_fc",
}


def convert(tensors: Tensors, source: str, seed: int = SEED) -> Converted:
    """The model, with first read vectors drawn by a seed as the project draws them.

    Raises:
        ForeignFile: it is no such model
    """
    named = Named(tensors, source)
    controller = gates(named, "controller.controller_net.")
    size = len(controller.bias) // 4
    read: list[dict[str, Linear]] = []
    written: list[dict[str, Linear]] = []
    adds: list[Linear] = []
    while f"heads.{2 * len(read)}.key_fc.weight" in named:
        for side, kept in ((0, read), (1, written)):
            prefix = f"heads.{2 * len(adds) + side}"
            parts = {name: named.linear(f"{prefix}.{layer}") for name, layer in PARTS.items()}
            kept.append(parts | {"shift": parts["shift"].reversed})
        adds.append(named.linear(f"heads.{2 * len(adds) + 1}.write_data_fc"))
    if not read:
        raise ForeignFile(f"{source}: tensor heads.0.key_fc.weight is missing")
    width = len(read[0]["key"].bias)
    bias = named.take("memory.memory_bias_fc.bias", None)
    if len(bias) % width:
        raise ForeignFile(f"{source}: a memory of {len(bias)} numbers has no rows of {width}")
    memory = 1 / (1 + np.exp(-bias.reshape(-1, width)))
    bound = np.sqrt(6 / width)
    reads = np.random.default_rng(seed).uniform(-bound, bound, (len(read), width))
    output = named.linear("controller.out_net")
    wiring = PRESETS["vlgiitr"]
    if len(read) > 1:
        wiring = wiring.model_copy(update={"order": "pairs"})
    config = WiredNTMConfig(
        input_size=controller.weight.shape[1] - size - len(read) * width,
        output_size=len(output.bias),
        controller_size=size,
        N=len(memory),
        M=width,
        num_reads=len(read),
        num_writes=len(read),
        initial_memory="learned",
        wiring=wiring,
    )
    weights = layers(
        controller__gates=controller,
        heads__linear=heads([*read, *written], [], adds),
        output=output,
    ) | {
        "starts.memory": memory,
        "starts.reads": reads,
        "starts.hidden": named.take("controller.h_bias_fc.bias", size),
        "starts.cell": named.take("controller.c_bias_fc.bias", size),
    }
    # read heads have a layer for what they never write, and biases are of a layer fed zero
    named.finish(unused=("write_data_fc", "bias_fc.weight"))
    return Converted(config, weights, {"first_reads_seed": seed})
