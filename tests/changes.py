"""Random interventions, as JSON, that fit a model."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from ntm.signature import Signature

STAGES = ("key", "key_strength", "gate", "shift", "sharpening", "weighting", "erase", "add")


def shares(rng: np.random.Generator, count: int) -> list[float]:
    """Numbers that sum to 1, some of them large."""
    values = np.exp(3 * rng.normal(size=count))
    return [float(value) for value in values / values.sum()]


def value_of(rng: np.random.Generator, stage: str, told: Signature, slots: int) -> Any:
    """A value that a stage could have."""
    match stage:
        case "key" | "add":
            return rng.uniform(-1, 1, told.memory_width).tolist()
        case "erase":
            return rng.uniform(0, 1, told.memory_width).tolist()
        case "key_strength":
            return float(rng.uniform(0, 10))
        case "gate":
            return float(rng.choice([0, 1, rng.uniform()]))
        case "shift":
            return shares(rng, len(told.shifts))
        case "sharpening":
            return float(rng.uniform(1, 8))
        case "weighting":
            return ("zero", "uniform", shares(rng, slots))[rng.integers(3)]
    raise AssertionError(stage)


def steps_of(rng: np.random.Generator, steps: int) -> Any:
    """A step, or a range in one of the ways to write it."""
    start, stop = sorted(rng.choice(steps + 1, 2, replace=False).tolist())
    return [start, f"{start}:{stop}", f"{start}:", f":{stop}", str(start)][rng.integers(5)]


def item(rng: np.random.Generator, told: Signature, steps: int, slots: int) -> dict[str, Any]:
    """One intervention."""
    where: dict[str, Any] = {"steps": steps_of(rng, steps)}
    kind = rng.integers(8)
    if kind == 0:
        return where | {"set": {"input": rng.normal(size=told.input_size).tolist()}}
    if kind == 1:
        slot = int(rng.integers(slots))
        row: Any = rng.normal(size=told.memory_width).tolist()
        return where | {"slot": slot, "set": {"memory": row if rng.random() < 0.7 else 0}}
    if kind == 2:
        return where | {"set": {"memory": rng.normal(size=(slots, told.memory_width)).tolist()}}
    head = int(rng.integers(told.heads))
    reads = head < told.read_heads
    allowed = STAGES[:6] if reads else STAGES
    chosen = rng.choice(allowed, rng.integers(1, 3), replace=False).tolist()
    name = f"read.{head}" if reads else f"write.{head - told.read_heads}"
    return where | {"head": name, "set": {s: value_of(rng, s, told, slots) for s in chosen}}


@st.composite
def interventions(
    draw_from: Any, told: Signature, steps: int, slots: int, most: int = 6
) -> list[dict[str, Any]]:
    """A few of them."""
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32)))
    count = draw_from(st.integers(1, most))
    return [item(rng, told, steps, slots) for _ in range(count)]


def pin_all(
    record: dict[str, NDArray[Any]], inputs: NDArray[Any], told: Signature
) -> list[dict[str, Any]]:
    """What a run did anyway, every pinnable part of every step: record [T, ...] by name."""
    items: list[dict[str, Any]] = []
    for t in range(len(inputs)):
        items.append({"steps": t, "set": {"input": inputs[t], "memory": record["memory"][t]}})
        for head in range(told.heads):
            write = head - told.read_heads
            stages = {s: record[s][t, head] for s in STAGES[:6]}
            stages |= {s: stages[s][0] for s in ("key_strength", "gate", "sharpening")}
            if write >= 0:
                stages |= {s: record[s][t, write] for s in ("erase", "add")}
            name = f"read.{head}" if write < 0 else f"write.{write}"
            items.append({"steps": t, "head": name, "set": stages})
    return items
