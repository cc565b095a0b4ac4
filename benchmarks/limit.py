"""The least time a step can take here, counted."""

import statistics
import time
from collections.abc import Callable

import numba
import numpy as np
from numpy.typing import NDArray

from ntm.architectures.ntm.config import NTMConfig
from ntm.compiled.arithmetic import compiled, fma
from ntm.compiled.elementary import exp

HOW = (
    "weights streamed from the second-level cache or multiplied, whichever takes longer, products "
    "with the memory, and exponentials, each at the rate measured in the same run."
)
TURNS = 41
L1, L2 = 2_048, 65_536  # float32 values: 8 KB, and 256 KB as the reference model's weights have
Array = NDArray[np.float32]


def step_of(config: NTMConfig) -> tuple[float, float, float]:
    """Median, least and most microseconds of one step of one sequence."""
    heads, written = config.num_heads, config.num_writes * config.M
    gates = config.controller_size * (4 if config.controller == "lstm" else 1)
    reads = config.num_reads * config.M
    recurrent = config.controller_size if config.controller == "lstm" else 0
    seen = config.input_size + reads + recurrent
    told = heads * (config.M + 3 + config.shift_range) + 2 * written
    weights = seen * gates + config.controller_size * told
    weights += (config.controller_size + reads) * config.output_size
    cells = config.N * config.M
    memory = cells * (heads + 1 + config.num_reads + 2 * config.num_writes)
    memory += heads * config.N * (1 + config.shift_range)
    exponentials = gates + config.controller_size + told + 3 * heads * config.N
    rates = [measured(run) for run in (stream, multiply, exponentiate)]
    spread = []
    for pick in (statistics.median, min, max):
        read, product, exponential = (pick(seconds) for seconds in rates)
        total = weights * max(read, product) + memory * product + exponentials * exponential
        spread.append(total * 1e6)
    return spread[0], spread[1], spread[2]


def measured(run: Callable[[Array], int]) -> list[float]:
    """Seconds an item, several times."""
    values = np.ones(L2 if run is stream else L1, np.float32)
    count = run(values)
    seconds = []
    for _ in range(TURNS):
        started = time.perf_counter()
        run(values)
        seconds.append((time.perf_counter() - started) / count)
    return seconds


@numba.njit(error_model="numpy", fastmath=True)
def stream(values: Array) -> int:
    """Read a second-level cache's worth 20 times."""
    sum_ = np.float32(0)
    for _ in range(20):
        for n in range(len(values)):
            sum_ += values[n]
        values[0] = sum_
    return 20 * len(values)


@compiled
def multiply(values: Array) -> int:
    """Eight multiply-adds a value that stays in the first-level cache, 200 times."""
    a, b = np.float32(0.999), np.float32(0.001)
    for _ in range(200):
        for n in range(len(values)):
            x = fma(fma(fma(fma(values[n], a, b), a, b), a, b), a, b)
            values[n] = fma(fma(fma(fma(x, a, b), a, b), a, b), a, b)
    return 1600 * len(values)


@compiled
def exponentiate(values: Array) -> int:
    """The kernel's own exponential, 200 times."""
    for _ in range(200):
        for n in range(len(values)):
            values[n] = exp(-values[n])
    return 200 * len(values)
