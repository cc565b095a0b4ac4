"""Random interventions, as JSON, that fit a model."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from ntm.signature import Signature, Stage

STAGES = ("key", "key_strength", "gate", "shift", "sharpening", "weighting", "erase", "add")


def shares(rng: np.random.Generator, count: int) -> list[float]:
    """Numbers that sum to 1, some of them large."""
    values = np.exp(3 * rng.normal(size=count))
    return [float(value) for value in values / values.sum()]


def value_of(rng: np.random.Generator, stage: Stage, slots: int) -> Any:
    """A value that a stage could have."""
    if stage.kind == "weighting":
        return ("zero", "uniform", shares(rng, slots))[rng.integers(3)]
    if stage.kind == "distribution":
        return shares(rng, stage.size(slots))
    low, high = (-1.0 if stage.bounds[0] is None else stage.bounds[0]), stage.bounds[1] or np.inf
    if stage.is_scalar:
        return float(rng.choice([low, min(high, low + 10), rng.uniform(low, min(high, low + 10))]))
    return rng.uniform(max(low, -1), min(high, 1), stage.size(slots)).tolist()


def steps_of(rng: np.random.Generator, steps: int) -> Any:
    """A step, or a range in one of the ways to write it."""
    start, stop = sorted(rng.choice(steps + 1, 2, replace=False).tolist())
    return [start, f"{start}:{stop}", f"{start}:", f":{stop}", str(start)][rng.integers(5)]


def item(rng: np.random.Generator, told: Signature, steps: int, slots: int) -> dict[str, Any]:
    """One intervention."""
    where: dict[str, Any] = {"steps": steps_of(rng, steps)}
    kind = rng.integers(8) if told.heads else 0
    if kind == 0:
        return where | {"set": {"input": rng.normal(size=told.input_size).tolist()}}
    if kind == 1:
        slot = int(rng.integers(slots))
        row: Any = rng.normal(size=told.memory_width).tolist()
        return where | {"slot": slot, "set": {"memory": row if rng.random() < 0.7 else 0}}
    if kind == 2:
        return where | {"set": {"memory": rng.normal(size=(slots, told.memory_width)).tolist()}}
    head = int(rng.integers(told.heads))
    allowed = [stage for stage in told.pinnable if head in told.heads_of(stage)]
    count = min(len(allowed), int(rng.integers(1, 3)))
    chosen = [allowed[place] for place in rng.choice(len(allowed), count, replace=False)]
    name = f"read.{head}" if head < told.read_heads else f"write.{head - told.read_heads}"
    values = {stage.name: value_of(rng, stage, slots) for stage in chosen}
    return where | {"head": name, "set": values}


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
