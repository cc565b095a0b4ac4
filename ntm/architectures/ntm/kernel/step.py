"""One step of an ntm/1 model, each block named after what it computes and its equation.

Arrays are those of one sequence. The memory lies with slots last, [M, N], where they vectorise.
A part of a vector is sliced before a loop over it: an index that might be negative is computed one
by one.
"""

import numpy as np
from numpy.typing import NDArray

from ntm.compiled.arithmetic import compiled, fma
from ntm.compiled.copies import copy, fill
from ntm.compiled.elementary import exp, log, sigmoid, softplus, tanh
from ntm.compiled.sums import accumulate, correlate, dot, largest, squares, total

Array = NDArray[np.float32]

SMALLEST_NORM = np.float32(1e-8)
SMALLEST_WEIGHT = np.float32(1e-30)  # less is 0: nothing sees it, and denormals are slow
ZERO, ONE = np.float32(0), np.float32(1)


@compiled
def run_lstm(gates: Array, hidden: Array, cell: Array) -> None:
    """The LSTM cell: gates [4 C] are input, forget, output, candidate before their activation."""
    size = len(hidden)
    activate_sigmoid(gates[: 3 * size])
    activate_tanh(gates[3 * size :])
    enters, stays, leaves = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size]
    candidate = gates[3 * size :]
    for i in range(size):
        cell[i] = fma(stays[i], cell[i], enters[i] * candidate[i])
        hidden[i] = leaves[i] * tanh(cell[i])


@compiled
def run_feedforward(layer: Array, hidden: Array) -> None:
    """One tanh layer [C]."""
    for i in range(len(hidden)):
        hidden[i] = tanh(layer[i])


@compiled
def tell_heads(told: Array, heads: int, writes: int, width: int, shifts: int) -> None:
    """Activate what the heads are told, [P] as in weights.py."""
    tanhs = (heads + writes) * width
    sigmoids = tanhs + writes * width + heads
    activate_tanh(told[:tanhs])
    activate_sigmoid(told[tanhs:sigmoids])
    strengths = told[sigmoids : sigmoids + heads]
    sharpenings = told[sigmoids + heads : sigmoids + 2 * heads]
    for head in range(heads):
        strengths[head] = softplus(strengths[head])
        sharpenings[head] = ONE + softplus(sharpenings[head])
    for head in range(heads):
        start = sigmoids + 2 * heads + head * shifts
        softmax(told[start : start + shifts])


@compiled
def activate_tanh(values: Array) -> None:
    """tanh in place."""
    for n in range(len(values)):
        values[n] = tanh(values[n])


@compiled
def activate_sigmoid(values: Array) -> None:
    """The logistic sigmoid in place."""
    for n in range(len(values)):
        values[n] = sigmoid(values[n])


@compiled
def softmax(values: Array) -> None:
    """Softmax in place, over the largest."""
    most = largest(values)
    for n in range(len(values)):
        values[n] = exp(values[n] - most)
    share = ONE / total(values)
    for n in range(len(values)):
        values[n] *= share


@compiled
def compare(memory: Array, keys: Array, products: Array, inverse_norms: Array) -> None:
    """For Eq. 6: memory [M, N] with keys [H, M] gives products [H, N] and 1 / norms [N].

    Two heads share a pass over the memory with its norms, the others take one each.
    """
    if len(keys) == 1:
        squares(inverse_norms, memory)
    else:
        correlate(inverse_norms, products[0], products[1], memory, keys[0], keys[1])
    for head in range(0 if len(keys) == 1 else 2, len(keys)):
        fill(products[head], ZERO)
        accumulate(products[head], keys[head], memory)
    for n in range(len(inverse_norms)):
        norm = np.sqrt(inverse_norms[n])
        inverse_norms[n] = ONE / (norm if norm > SMALLEST_NORM else SMALLEST_NORM)


@compiled
def match_content(
    inverse_norms: Array, key: Array, key_strength: np.float32, content: Array
) -> None:
    """Eq. 5 and 6: w^c [N] in place of the products of key [M]; β rides on the key's norm."""
    norm = np.sqrt(dot(key, key))
    scale = key_strength / (norm if norm > SMALLEST_NORM else SMALLEST_NORM)
    for n in range(len(content)):
        content[n] = scale * content[n] * inverse_norms[n]
    softmax(content)


@compiled
def interpolate(content: Array, previous: Array, gate: np.float32, gated: Array) -> None:
    """Eq. 7: w^g [N]."""
    for n in range(len(gated)):
        gated[n] = fma(gate, content[n] - previous[n], previous[n])


@compiled
def convolve(gated: Array, shift: Array, circle: Array, shifted: Array) -> None:
    """Eq. 8: w~ [N]. `circle` [N + S - 1] holds w^g with what lies beyond either end."""
    slots, taps = len(gated), len(shift)
    reach = taps // 2
    for n in range(reach):
        circle[n] = gated[(n - reach) % slots]
        circle[reach + slots + n] = gated[n % slots]
    copy(circle[reach : reach + slots], gated)
    fill(shifted, ZERO)
    for j in range(taps):
        weight, rolled = shift[j], circle[taps - 1 - j : taps - 1 - j + slots]
        for n in range(slots):
            shifted[n] = fma(weight, rolled[n], shifted[n])


@compiled
def sharpen(shifted: Array, sharpening: np.float32, weighting: Array) -> None:
    """Eq. 9: w [N], over the largest, so that γ = 100 cannot underflow to 0 / 0."""
    scale = ONE / largest(shifted)
    for n in range(len(weighting)):
        relative = shifted[n] * scale
        held = relative if relative > SMALLEST_WEIGHT else SMALLEST_WEIGHT
        power = exp(sharpening * log(held))
        weighting[n] = power if relative > SMALLEST_WEIGHT else ZERO
    share = ONE / total(weighting)
    for n in range(len(weighting)):
        weight = weighting[n] * share
        weighting[n] = weight if weight > SMALLEST_WEIGHT else ZERO


@compiled
def read(memory: Array, weighting: Array, reads: Array) -> None:
    """Eq. 2: r [M]."""
    for m in range(len(reads)):
        reads[m] = dot(memory[m], weighting)


@compiled
def write(memory: Array, weightings: Array, erase: Array, add: Array) -> None:
    """Eq. 3 for every head, then Eq. 4 for every head: weightings [W, N], erase and add [W, M].

    In the order of `architectures.ntm.replay.write`, every operation rounded, so that NumPy gives
    these bits.
    """
    width, slots = memory.shape
    if len(erase) == 1:
        weighting = weightings[0]
        for m in range(width):
            row, erased, added = memory[m], erase[0, m], add[0, m]
            for n in range(slots):
                row[n] = row[n] - (row[n] * erased - added) * weighting[n]
        return
    for head in range(len(erase)):
        weighting = weightings[head]
        for m in range(width):
            row, erased = memory[m], erase[head, m]
            for n in range(slots):
                row[n] = row[n] - row[n] * (weighting[n] * erased)
    for head in range(len(add)):
        weighting = weightings[head]
        for m in range(width):
            row, added = memory[m], add[head, m]
            for n in range(slots):
                row[n] = row[n] + weighting[n] * added
