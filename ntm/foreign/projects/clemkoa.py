"""clemkoa/ntm: a state dict of one read and one write head."""

import numpy as np

from ntm.architectures.ntm.wired.config import WiredNTMConfig
from ntm.architectures.ntm.wired.wiring import PRESETS
from ntm.foreign.converted import Converted, Named, Tensors, gates, heads, layers

PARTS = {
    "key": "k_layer",
    "key_strength": "beta_layer",
    "gate": "g_layer",
    "shift": "s_layer",
    "sharpening": "gamma_layer",
}


def convert(tensors: Tensors, source: str) -> Converted:
    """The model of a state dict, with its LSTM or its two layers of relu.

    Raises:
        ForeignFile: it is no such model
    """
    named = Named(tensors, source)
    memory = named.take("memory.initial_state", None, None)
    reads = named.take("memory.initial_read", 1, memory.shape[1])
    wiring = PRESETS["clemkoa"]
    inside = "controller._controller."
    starts = {"starts.memory": memory, "starts.reads": reads}
    recurrent = f"{inside}layer.weight_ih_l0" in named
    if recurrent:
        controller = gates(named, f"{inside}layer.", "_l0")
        size = len(controller.bias) // 4
        operands = controller.weight.shape[1] - size
        kept = layers(controller__gates=controller)
        starts["starts.hidden"] = named.take(f"{inside}lstm_h_state", 1, 1, size)[0, 0]
        starts["starts.cell"] = named.take(f"{inside}lstm_c_state", 1, 1, size)[0, 0]
    else:
        below, last = named.linear(f"{inside}layer_1"), named.linear(f"{inside}layer_2")
        size, operands = len(last.bias), below.weight.shape[1]
        kept = layers(controller__below__0=below, controller__layer=last)
        wiring = wiring.model_copy(update={"activation": "relu", "first_controller": "zero"})
    told, weightings = [], []
    for side in ("read_head", "write_head"):
        parts = {name: named.linear(f"{side}.{layer}") for name, layer in PARTS.items()}
        told.append(parts | {"shift": parts["shift"].reversed})
        weightings.append(named.take(f"{side}._initial_state", 1, len(memory))[0])
    vectors = [[named.linear(f"write_head.{layer}")] for layer in ("e_layer", "a_layer")]
    output = named.linear("fc")
    config = WiredNTMConfig(
        input_size=operands - memory.shape[1],
        output_size=len(output.bias),
        controller="lstm" if recurrent else "feedforward",
        layers_below=() if recurrent else (len(below.bias),),
        controller_size=size,
        N=len(memory),
        M=memory.shape[1],
        initial_memory="learned",
        wiring=wiring,
    )
    named.finish(unused=(".memory.initial_",))  # the same memory once more
    weights = kept | layers(heads__linear=heads(told, *vectors), output=output)
    return Converted(config, weights | starts | {"starts.weightings": np.array(weightings)})
