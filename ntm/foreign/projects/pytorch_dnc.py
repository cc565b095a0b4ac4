"""ixaxaar/pytorch-dnc (the package dnc): the state dict of a DNC with one LSTM layer."""

import numpy as np

from ntm.architectures.dnc.wired.config import PRESETS, WiredDNCConfig
from ntm.foreign.converted import Converted, Linear, Named, Tensors, gates, layers, stacked
from ntm.foreign.errors import ForeignFile
from ntm.foreign.projects.dnc_tensorflow import sizes

MEMORY = "rnn_layer_memory_shared."
# Of independent linears, in the order of the interface vector.
PARTS = (
    "read_keys",
    "read_strengths",
    "write_key",
    "write_strength",
    "erase_vector",
    "write_vector",
    "free_gates",
    "allocation_gate",
    "write_gate",
    "read_modes",
)


def convert(tensors: Tensors, source: str) -> Converted:
    """The model; N is not told by its tensors, and its controller starts from zero.

    Raises:
        ForeignFile: it is no such model, or has more layers
    """
    named = Named(tensors, source)
    for name, what in (
        ("lstm_layer_0.weight_ih_l1", "num_hidden_layers=1"),
        ("lstm_layer_1.weight_ih_l0", "num_layers=1"),
        ("rnn_layer_memory_0.interface_weights.weight", "share_memory=True"),
    ):
        if name in named:
            raise ForeignFile(f"{source}: only a DNC with {what} is read, it has {name}")
    controller = gates(named, "lstm_layer_0.", "_l0")
    size = len(controller.bias) // 4
    if f"{MEMORY}interface_weights.weight" in named:
        interface = named.linear(f"{MEMORY}interface_weights")
    else:
        interface = stacked(named.linear(f"{MEMORY}{part}_transform") for part in PARTS)
    output = named.linear("output")
    reads, width = sizes(output.weight.shape[1] - size, len(interface.bias), source)
    named.finish()
    # its read modes are backward, forward, content
    modes = (np.arange(3 * reads).reshape(reads, 3)[:, [0, 2, 1]]).ravel()
    first = len(interface.bias) - 3 * reads
    rows = np.concatenate((np.arange(first), first + modes))
    config = WiredDNCConfig(
        input_size=controller.weight.shape[1] - size - reads * width,
        output_size=len(output.bias),
        controller_size=size,
        W=width,
        num_reads=reads,
        output="identity",
        wiring=PRESETS["pytorch-dnc"],
    )
    weights = layers(
        controller__gates=controller,
        interface__linear=Linear(interface.weight[rows], interface.bias[rows]),
        output=output,
    )
    return Converted(config, weights, {"first_controller": "zero, there drawn at every run"})
