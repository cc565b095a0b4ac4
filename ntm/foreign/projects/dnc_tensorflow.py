"""Mostafa-Samir/DNC-tensorflow: the feedforward controller of its copy task and its own memory."""

import numpy as np

from ntm.architectures.dnc.wired.config import PRESETS, WiredDNCConfig
from ntm.foreign.converted import Array, Converted, Linear, Named, Tensors, layers, stacked
from ntm.foreign.errors import ForeignFile

# What its optimizers leave beside the model.
UNUSED = ("RMSProp", "Momentum", "Adam", "beta1_power", "beta2_power", "global_step")


def convert(tensors: Tensors, source: str) -> Converted:
    """The model; N is not told by its tensors.

    Raises:
        ForeignFile: it is no such model, or has another controller
    """
    named = Named({name.split(":")[0]: value for name, value in tensors.items()}, source)
    if "controller/layer1_W" not in named:
        raise ForeignFile(f"{source}: only its controller of two layers of relu is read")
    maps = [
        Linear(
            named.take(f"controller/layer{n}_W", None, None).T, named.take(f"controller/layer{n}_b")
        )
        for n in (1, 2)
    ]
    size = len(maps[1].bias)
    from_hidden = named.take("controller/nn_output_weights", size, None).T
    from_reads = named.take("controller/mem_output_weights", None, len(from_hidden)).T
    interface = named.take("controller/interface_weights", size, None).T
    reads, width = sizes(from_reads.shape[1], len(interface), source)
    operands = maps[0].weight.shape[1]
    inputs = operands - reads * width
    # there a vector of all heads has its heads last
    heads_last = np.arange(reads * width).reshape(width, reads).T.ravel()
    columns = np.concatenate((np.arange(inputs), inputs + heads_last))
    output = np.concatenate((from_hidden, from_reads[:, heads_last]), axis=1)
    modes = len(interface) - 3 * reads + np.arange(3 * reads).reshape(3, reads).T.ravel()
    rows = np.concatenate((heads_last, np.arange(reads * width, len(interface) - 3 * reads), modes))
    config = WiredDNCConfig(
        input_size=inputs,
        output_size=len(output),
        controller="feedforward",
        controller_size=size,
        layers_below=(len(maps[0].bias),),
        W=width,
        num_reads=reads,
        wiring=PRESETS["dnc-tensorflow"],
    )
    named.finish(UNUSED)
    weights = layers(
        controller__below__0=Linear(maps[0].weight[:, columns], maps[0].bias),
        controller__layer=maps[1],
        interface__linear=stacked([unbiased(interface[rows])]),
        output=unbiased(output),
    )
    return Converted(config, weights)


def sizes(read_width: int, interface: int, source: str) -> tuple[int, int]:
    """R and W, from R W and the interface vector's R W + 3 W + 5 R + 3.

    Raises:
        ForeignFile: there are none
    """
    for reads in range(1, read_width + 1):
        width = read_width // reads
        if reads * width == read_width and read_width + 3 * width + 5 * reads + 3 == interface:
            return reads, width
    raise ForeignFile(f"{source}: an interface vector of {interface} is no DNC's")


def unbiased(weight: Array) -> Linear:
    """A linear map without a bias."""
    return Linear(weight, np.zeros(len(weight)))
