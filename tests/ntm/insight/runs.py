"""Runs as a trace tells them: of random numbers, and well-behaved ones to spoil."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests import reference

Run = dict[str, NDArray[Any]]


def softmax(values: NDArray[Any]) -> NDArray[Any]:
    """Along the last axis."""
    powers = np.exp(values)
    return powers / powers.sum(axis=-1, keepdims=True)


def random_run(
    steps: int = 9, reads: int = 2, writes: int = 2, slots: int = 5, width: int = 3, seed: int = 0
) -> Run:
    """Random weightings and writes, with the memory and the reads that follow from them."""
    rng = np.random.default_rng(seed)
    run = {
        "read_weightings": softmax(3 * rng.normal(size=(steps, reads, slots))),
        "write_weightings": softmax(3 * rng.normal(size=(steps, writes, slots))),
        "writes.erase": rng.uniform(size=(steps, writes, width)),
        "writes.add": rng.normal(size=(steps, writes, width)),
    }
    return complete(run, rng.normal(size=(slots, width)))


def complete(
    run: Run, memory: NDArray[Any], edits: dict[int, tuple[int, NDArray[Any]]] | None = None
) -> Run:
    """The run with its memory and reads by the equations; `edits` set a slot before a step."""
    seen = []
    for t in range(len(run["writes.add"])):
        if edits and t in edits:
            slot, row = edits[t]
            memory = memory.copy()
            memory[slot] = row
        seen.append(memory)
        memory = reference.write(
            memory, run["write_weightings"][t], run["writes.erase"][t], run["writes.add"][t]
        )
    run["memory"] = np.array(seen)
    run["reads"] = run["read_weightings"] @ run["memory"]
    return run


def tidy_run(steps: int = 24, slots: int = 32, width: int = 64) -> Run:
    """A copy without a fault: slot after slot is written once and read once, in the second half.

    The read head starts where it is to read and the write head ends where nothing is added.
    """
    half = steps // 2
    rng = np.random.default_rng(1)
    reading, writing = np.arange(steps) % half, np.arange(steps) % slots
    run = {
        "read_weightings": np.eye(slots)[reading][:, None],
        "write_weightings": np.eye(slots)[writing][:, None],
        "writes.erase": np.full((steps, 1, width), 0.5),
        "writes.add": np.sign(rng.normal(size=(steps, 1, width))),
    }
    run["writes.add"][half:] = 0
    for kind in ("read", "write"):
        weightings = run[f"{kind}_weightings"]
        run[f"addressing.{kind}.gate"] = np.full((steps, 1), 0.5)
        run[f"addressing.{kind}.content_weighting"] = weightings.copy()
        run[f"addressing.{kind}.shifted_weighting"] = weightings.copy()
    return complete(run, np.full((slots, width), 1e-6))
