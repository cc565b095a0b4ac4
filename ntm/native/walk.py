"""The loop over steps: one compiled function for a model of any sizes, with records and pins.

Sequences of a batch are walked one after the other, so that none can depend on its neighbours;
who has several cores gives each thread rows of its own.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.native.alignment import LANES
from ntm.native.arithmetic import compiled
from ntm.native.elementary import sigmoid
from ntm.native.step import (
    convolve,
    interpolate,
    match_content,
    measure_slots,
    read,
    run_feedforward,
    run_lstm,
    sharpen,
    tell_heads,
    write,
)
from ntm.native.sums import accumulate
from ntm.native.weights import Form, Weights

Array = NDArray[np.float32]


class Carried(NamedTuple):
    """The state of a batch, changed in place."""

    memory: Array  # [B, M, N]
    weightings: Array  # [B, H, N], read heads first
    reads: Array  # [B, R M]
    hidden: Array  # [B, C]; [B, 0] without an LSTM
    cell: Array  # [B, C]; [B, 0] without an LSTM


class Record(NamedTuple):
    """What is kept of K steps; the last seven have no steps where nobody looks inside."""

    outputs: Array  # [K, B, O]
    weighting: Array  # [K, B, H, N]
    told: Array  # [K, B, P]
    content: Array  # [K, B, H, N]
    gated: Array  # [K, B, H, N]
    shifted: Array  # [K, B, H, N]
    reads: Array  # [K, B, R M]
    hidden: Array  # [K, B, C]
    cell: Array  # [K, B, C]


class Pins(NamedTuple):
    """What is used instead of what the model computes; no steps where nothing is pinned."""

    told: Array  # [K, B, P]
    told_here: NDArray[np.bool_]  # [K, B, P]
    weighting: Array  # [K, B, H, N]
    weighting_here: NDArray[np.bool_]  # [K, B, H]


@compiled
def walk(
    x: Array,
    lengths: NDArray[np.int64],
    form: Form,
    weights: Weights,
    carried: Carried,
    record: Record,
    pins: Pins,
    scratch: Array,
) -> None:
    """Walk every row of a batch through as many steps of x [K, B, I] as lengths [B] say.

    What is kept of later steps is not written.
    """
    for row in range(len(lengths)):
        _walk_row(x, lengths[row], row, form, weights, carried, record, pins, scratch)


@compiled
def _room(scratch: Array, start: int, size: int) -> tuple[Array, int]:
    """So many values from `start` on, and where the next vector begins."""
    return scratch[start : start + size], start + (size + LANES - 1) // LANES * LANES


@compiled
def _walk_row(
    x: Array,
    steps: int,
    row: int,
    form: Form,
    weights: Weights,
    carried: Carried,
    record: Record,
    pins: Pins,
    scratch: Array,
) -> None:
    memory, weightings = carried.memory[row], carried.weightings[row]
    reads, cell = carried.reads[row], carried.cell[row]
    inputs, width, slots = x.shape[2], memory.shape[0], memory.shape[1]
    heads, size = form.reads + form.writes, weights.heads.shape[0]
    # the controller's operands side by side: input, last reads, last hidden
    seen, end = _room(scratch, 0, weights.controller.shape[0])
    layer, end = _room(scratch, end, weights.controller.shape[1])
    told, end = _room(scratch, end, weights.heads.shape[1])
    hidden, end = _room(scratch, end, size)
    content, end = _room(scratch, end, slots)
    norms, end = _room(scratch, end, slots)
    gated, end = _room(scratch, end, slots)
    shifted, end = _room(scratch, end, slots)
    circle, end = _room(scratch, end, slots + form.shifts - 1)
    adds = heads * width
    erases = adds + form.writes * width
    gates = erases + form.writes * width
    strengths, sharpenings = gates + heads, gates + 2 * heads
    shifts = gates + 3 * heads
    if form.lstm:
        hidden[:] = carried.hidden[row]

    for step in range(steps):
        seen[:inputs] = x[step, row]
        seen[inputs : inputs + len(reads)] = reads
        if form.lstm:
            seen[inputs + len(reads) :] = hidden
        layer[:] = weights.controller_bias
        accumulate(layer, seen, weights.controller)
        if form.lstm:
            run_lstm(layer, hidden, cell)
        else:
            run_feedforward(layer, hidden)

        told[:] = weights.heads_bias
        accumulate(told, hidden, weights.heads)
        tell_heads(told, heads, form.writes, width, form.shifts)
        if len(pins.told):
            for i in range(len(told)):
                if pins.told_here[step, row, i]:
                    told[i] = pins.told[step, row, i]

        measure_slots(memory, norms)
        for head in range(heads):
            key = told[head * width : (head + 1) * width]
            shift = told[shifts + head * form.shifts : shifts + (head + 1) * form.shifts]
            weighting = weightings[head]
            match_content(memory, norms, key, told[strengths + head], content)
            interpolate(content, weighting, told[gates + head], gated)
            convolve(gated, shift, circle, shifted)
            sharpen(shifted, told[sharpenings + head], weighting)
            if len(pins.weighting) and pins.weighting_here[step, row, head]:
                weighting[:] = pins.weighting[step, row, head]
            if len(record.content):
                record.content[step, row, head] = content
                record.gated[step, row, head] = gated
                record.shifted[step, row, head] = shifted
        record.weighting[step, row] = weightings

        for head in range(form.reads):
            read(memory, weightings[head], reads[head * width : (head + 1) * width])
        write(
            memory,
            weightings[form.reads :],
            told[erases:gates].reshape(form.writes, width),
            told[adds:erases].reshape(form.writes, width),
        )

        output = record.outputs[step, row]
        output[:] = weights.output_bias
        accumulate(output, hidden, weights.output[:size])
        accumulate(output, reads, weights.output[size:])
        if form.sigmoid_output:
            for i in range(len(output)):
                output[i] = sigmoid(output[i])
        if len(record.told):
            record.told[step, row] = told
            record.reads[step, row] = reads
            record.hidden[step, row] = hidden
            record.cell[step, row] = cell

    if form.lstm:
        carried.hidden[row] = hidden
