"""The loop over steps: one compiled function for a model of any sizes, with records and pins.

Four sequences at a time take their steps together, for what is read of the weights takes longer
than to multiply by them; the arithmetic of each is what it is alone, bit for bit. Who has several
cores gives each thread rows of its own.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.ntm.kernel.step import (
    compare,
    convolve,
    interpolate,
    match_content,
    read,
    run_feedforward,
    run_lstm,
    sharpen,
    softmax,
    tell_heads,
    write,
)
from ntm.architectures.ntm.kernel.weights import Form, Weights
from ntm.compiled.alignment import LANES
from ntm.compiled.arithmetic import compiled, part
from ntm.compiled.copies import copy
from ntm.compiled.elementary import sigmoid
from ntm.compiled.sums import TOGETHER, accumulate, accumulate_together

Array = NDArray[np.float32]


class Carried(NamedTuple):
    """The state of a batch, changed in place."""

    memory: Array  # [B, M, N]
    weightings: Array  # [B, H, N], read heads first
    reads: Array  # [B, R M]
    hidden: Array  # [B, C]; [B, 0] without an LSTM
    cell: Array  # [B, C]; [B, 0] without an LSTM


class Record(NamedTuple):
    """What is kept of K steps; all but the outputs may have none of them where nobody looks."""

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
    longest_first: NDArray[np.int64],
    form: Form,
    weights: Weights,
    carried: Carried,
    record: Record,
    pins: Pins,
    scratch: Array,
) -> None:
    """Walk every row of a batch through as many steps of x [K, B, I] as lengths [B] say.

    The rows are walked in the order given, in which lengths fall. What is kept of later steps is
    not written.
    """
    for start in range(0, len(lengths), TOGETHER):
        rows = longest_first[start : start + TOGETHER]
        _walk_together(x, lengths, rows, form, weights, carried, record, pins, scratch)


@compiled
def _room(scratch: Array, start: int, size: int) -> tuple[Array, int]:
    """So many values from `start` on, and where the next vector begins."""
    return scratch[start : start + size], start + (size + LANES - 1) // LANES * LANES


@compiled
def _rooms(scratch: Array, start: int, size: int) -> tuple[Array, int]:
    """At least as many for each row, [TOGETHER, whole vectors], and where the next one begins."""
    whole = (size + LANES - 1) // LANES * LANES
    end = start + TOGETHER * whole
    return scratch[start:end].reshape(TOGETHER, whole), end


@compiled
def _walk_together(
    x: Array,
    lengths: NDArray[np.int64],
    rows: NDArray[np.int64],
    form: Form,
    weights: Weights,
    carried: Carried,
    record: Record,
    pins: Pins,
    scratch: Array,
) -> None:
    """Walk some rows, longest first, step by step; at every step they share the large products."""
    operands, gates = weights.controller.shape
    size, values = weights.hidden.shape
    # the controller's operands side by side: input, last reads, last hidden
    seen, end = _rooms(scratch, 0, operands)
    layer, end = _rooms(scratch, end, gates)
    hidden, end = _rooms(scratch, end, size)
    told, end = _rooms(scratch, end, values)
    inputs, reads = x.shape[2], carried.reads.shape[1]
    if form.lstm:
        for i, row in enumerate(rows):
            copy(hidden[i, :size], carried.hidden[row])

    active = len(rows)
    for step in range(lengths[rows[0]]):
        while lengths[rows[active - 1]] <= step:
            active -= 1
        for i in range(active):
            copy(seen[i, :inputs], x[step, rows[i]])
            copy(seen[i, inputs : inputs + reads], carried.reads[rows[i]])
            if form.lstm:
                copy(seen[i, inputs + reads : operands], hidden[i, :size])
            copy(layer[i, :gates], weights.controller_bias)
        accumulate_together(layer, seen, weights.controller, active)
        for i in range(active):
            if form.lstm:
                run_lstm(layer[i, :gates], hidden[i, :size], carried.cell[rows[i]])
            else:
                run_feedforward(layer[i, :gates], hidden[i, :size])
            copy(told[i, :values], weights.hidden_bias)
        accumulate_together(told, hidden, weights.hidden, active)
        for i in range(active):
            _finish(
                step,
                rows[i],
                told[i, :values],
                hidden[i, :size],
                form,
                weights,
                carried,
                record,
                pins,
                scratch[end:],
            )

    if form.lstm:
        for i, row in enumerate(rows):
            copy(carried.hidden[row], hidden[i, :size])


@part
def _finish(
    step: int,
    row: int,
    told: Array,
    hidden: Array,
    form: Form,
    weights: Weights,
    carried: Carried,
    record: Record,
    pins: Pins,
    scratch: Array,
) -> None:
    """What a row's heads do at a step once they are told what, and what the model says."""
    memory, weightings, reads = carried.memory[row], carried.weightings[row], carried.reads[row]
    heads = form.reads + form.writes
    width, slots = memory.shape
    contents, end = _room(scratch, 0, heads * slots)
    contents = contents.reshape(heads, slots)
    norms, end = _room(scratch, end, slots)
    gated, end = _room(scratch, end, slots)
    shifted, end = _room(scratch, end, slots)
    circle, end = _room(scratch, end, slots + form.shifts - 1)
    adds = heads * width
    erases = adds + form.writes * width
    gates = erases + form.writes * width
    strengths, sharpenings = gates + heads, gates + 2 * heads
    shifts = gates + 3 * heads
    outputs = shifts + heads * form.shifts

    tell_heads(told, heads, form.writes, width, form.shifts)
    if len(pins.told):
        for i in range(len(told)):
            if pins.told_here[step, row, i]:
                told[i] = pins.told[step, row, i]

    keys = told[:adds].reshape(heads, width)
    compare(memory, keys, contents, norms)
    for head in range(heads):
        shift = told[shifts + head * form.shifts : shifts + (head + 1) * form.shifts]
        weighting, content = weightings[head], contents[head]
        match_content(norms, keys[head], told[strengths + head], content)
        interpolate(content, weighting, told[gates + head], gated)
        convolve(gated, shift, circle, shifted)
        sharpen(shifted, told[sharpenings + head], weighting)
        if len(pins.weighting) and pins.weighting_here[step, row, head]:
            copy(weighting, pins.weighting[step, row, head])
        if len(record.content):
            copy(record.content[step, row, head], content)
            copy(record.gated[step, row, head], gated)
            copy(record.shifted[step, row, head], shifted)
        if len(record.weighting):
            copy(record.weighting[step, row, head], weighting)

    for head in range(form.reads):
        read(memory, weightings[head], reads[head * width : (head + 1) * width])
    write(
        memory,
        weightings[form.reads :],
        told[erases:gates].reshape(form.writes, width),
        told[adds:erases].reshape(form.writes, width),
    )

    output = record.outputs[step, row]
    copy(output, told[outputs : outputs + len(output)])
    accumulate(output, reads, weights.reads)
    if form.sigmoid_output:
        for i in range(len(output)):
            output[i] = sigmoid(output[i])
    if form.softmax_output:
        softmax(output)
    if len(record.told):
        copy(record.told[step, row], told)
        copy(record.reads[step, row], reads)
        copy(record.hidden[step, row], hidden)
        copy(record.cell[step, row], carried.cell[row])
