"""A checkpoint's weights as the compiled function wants them, inputs down and outputs across.

What the heads are told is one vector, laid out so that what shares an activation lies together:

    key H x M | add W x M | erase W x M | gate H | key strength H | sharpening H | shift H x S
      tanh        tanh         sigmoid    sigmoid    softplus       1 + softplus     softmax

Behind it lies what the hidden state says to the output, which is one product with it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.ntm.config import NTMConfig
from ntm.compiled.alignment import LANES, aligned

Array = NDArray[np.float32]


class Form(NamedTuple):
    """The sizes that no array's shape tells."""

    reads: int
    writes: int
    shifts: int
    lstm: bool
    sigmoid_output: bool
    softmax_output: bool


class Weights(NamedTuple):
    """The linear maps. C controller size, G = 4 C for an LSTM and C else, P told values."""

    controller: Array  # [I + R M (+ C), G]
    controller_bias: Array  # [G]
    hidden: Array  # [C, P + O], filled up to a multiple of 16: to the heads, to the output
    hidden_bias: Array  # [P + O], as long
    reads: Array  # [R M, O]


def form_of(config: NTMConfig) -> Form:
    """The sizes of a model."""
    return Form(
        config.num_reads,
        config.num_writes,
        config.shift_range,
        config.controller == "lstm",
        config.output == "sigmoid",
        config.output == "softmax",
    )


def told_widths(config: NTMConfig) -> dict[str, tuple[int, int]]:
    """What the heads are told, in order: by stage, how many heads are told and how many values."""
    heads, writes, width = config.num_heads, config.num_writes, config.M
    return {
        "key": (heads, width),
        "add": (writes, width),
        "erase": (writes, width),
        "gate": (heads, 1),
        "key_strength": (heads, 1),
        "sharpening": (heads, 1),
        "shift": (heads, config.shift_range),
    }


def pack(config: NTMConfig, named: Mapping[str, NDArray[np.generic]]) -> Weights:
    """The weights of an ntm/1 checkpoint by the names of its tensors."""
    layer = "controller.gates" if config.controller == "lstm" else "controller.layer"
    order, size = _told_order(config), config.controller_size
    heads, heads_bias = named["heads.linear.weight"][order], named["heads.linear.bias"][order]
    output, output_bias = named["output.weight"], named["output.bias"]
    return Weights(
        controller=_across(named[f"{layer}.weight"]),
        controller_bias=_own(named[f"{layer}.bias"]),
        hidden=_across(_filled(np.concatenate([heads, output[:, :size]]))),
        hidden_bias=_own(_filled(np.concatenate([heads_bias, output_bias]))),
        reads=_across(output[:, size:]),
    )


def _told_order(config: NTMConfig) -> NDArray[np.intp]:
    """Where in the checkpoint's order (`architectures.ntm.heads.Heads`) each told value lies."""
    heads, writes, width, shifts = (
        config.num_heads,
        config.num_writes,
        config.M,
        config.shift_range,
    )
    addressing = np.arange(heads * (width + 3 + shifts)).reshape(heads, -1)
    key, strength, sharpening, gate, shift = np.split(
        addressing, np.cumsum([width, 1, 1, 1]), axis=1
    )
    erase, add = addressing.size + np.arange(2 * writes * width).reshape(2, -1)
    return np.concatenate(
        [part.ravel() for part in (key, add, erase, gate, strength, sharpening, shift)]
    )


def _across(rows: NDArray[np.generic]) -> Array:
    return _own(rows.T)


def _own(values: NDArray[np.generic]) -> Array:
    """A contiguous array of its own: one type for the compiler, whatever it came from."""
    own = aligned(values.shape)
    own[:] = values
    return own


def _filled(rows: NDArray[np.generic]) -> NDArray[np.generic]:
    """Rows of zeros added, so that every row of the transposed map begins on a vector."""
    missing = -len(rows) % LANES
    return np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), rows.dtype)])
