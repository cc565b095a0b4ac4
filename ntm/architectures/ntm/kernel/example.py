"""The smallest runs there are, which make the compiler meet the types of all others."""

from typing import Any

import numpy as np

from ntm.architectures.ntm.kernel.buffers import carried, empty_record, no_pins, scratch
from ntm.architectures.ntm.kernel.weights import Form, Weights


def run(walk: Any) -> None:
    """Walk one step of a model whose sizes are all one."""
    form = Form(1, 1, shifts=1, lstm=True, sigmoid_output=True, softmax_output=False)
    weights = Weights(
        *(np.zeros(shape, np.float32) for shape in ((3, 4), (4,), (1, 13), (13,), (1, 1)))
    )
    one = np.ones((1, 1, 1), np.float32)
    names = ("memory", "read_weightings", "write_weightings", "reads")
    state = {**dict.fromkeys(names, one), "hidden": one[0], "cell": one[0]}
    record = empty_record(form, weights, (1, 1, 1), weightings=True, inside=True)
    room = scratch(form, weights, 1)
    lengths, order = np.ones(1, np.int64), np.zeros(1, np.int64)
    walk(one, lengths, order, form, weights, carried(state, form), record, no_pins(), room)


def run_replay(replay: Any) -> None:
    """Replay one step of one slot that is one number wide."""
    one = np.ones((1, 1, 1), np.float32)
    replay(one, one, one, one)
