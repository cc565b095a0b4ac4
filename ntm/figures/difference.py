"""Two runs side by side, and where they part: A, B and A - B."""

import numpy as np
from matplotlib.figure import Figure

from ntm.figures import slots
from ntm.figures.canvas import Array, Panel, Times, grid, reach, settle
from ntm.figures.overview import channels
from ntm.runs.trace import Trace, TraceError

DIVERGING = "RdBu_r"
PARTED = 1e-6  # outputs or weightings that differ by more do not come from rounding alone


def difference(trace: Trace, other: Trace, *, cmap: str = "gray") -> Figure:
    """Inputs where they differ, outputs and every weighting of two runs, step by step.

    Of runs that are not equally long, the steps that both have.

    Raises:
        TraceError: the runs have not the same heads, slots, channels or first step
    """
    pairs = list(shared(trace, other))
    steps = min(len(trace), len(other))
    weightings = ("write_weightings", "read_weightings")
    drawn = [t[name][:steps] for t in (trace, other) for name in weightings if name in t]
    shown = slots.window(drawn)
    rows = []
    for name, one, two, is_slots in pairs:
        minus = one - two
        limit = reach(minus)
        if is_slots:
            maps = [
                slots.panel(f"{name}, {x}", w, shown, cmap=cmap)
                for x, w in zip("AB", (one, two), strict=True)
            ]
            signed = slots.panel(
                f"{name}, A - B", minus, shown, low=-limit, high=limit, cmap=DIVERGING
            )
        else:
            both = channels("", np.concatenate([one, two]), cmap)
            maps = [
                Panel(f"{name}, {x}", v.T, both.low, both.high, cmap, label="channel")
                for x, v in zip("AB", (one, two), strict=True)
            ]
            signed = Panel(f"{name}, A - B", minus.T, -limit, limit, DIVERGING, label="channel")
        rows.append((*maps, signed))
    title = f"A: {trace.title}    B: {other.title}\n{parting(pairs, trace.first_step)}"
    return settle(grid(rows, Times(trace.phases, trace.first_step), title=title)[0])


def shared(trace: Trace, other: Trace) -> "list[tuple[str, Array, Array, bool]]":
    """What to compare: a name, both values [T, .] and whether their columns are slots."""
    if trace.first_step != other.first_step:
        raise TraceError(
            f"other should begin with the same step, {trace.first_step}, got {other.first_step}"
        )
    steps = min(len(trace), len(other))
    pairs: list[tuple[str, Array, Array, bool]] = []
    for name in ("inputs", "outputs", "write_weightings", "read_weightings"):
        if name not in trace or name not in other:
            continue
        one, two = trace[name][:steps], other[name][:steps]
        if one.shape[1:] != two.shape[1:]:
            raise TraceError(
                f"other should have {name} of shape {list(one.shape[1:])} at every step as the "
                f"trace has, got {list(two.shape[1:])}"
            )
        label = name.removesuffix("s").replace("_", " ")
        if one.ndim == 3:
            kind = name.partition("_")[0]
            numbers = trace.numbers(kind)
            for at, number in enumerate(numbers):
                title = f"{label} {number}" if len(numbers) > 1 else label
                pairs.append((title, one[:, at], two[:, at], True))
        elif name == "outputs" or not np.array_equal(one, two):
            pairs.append((label, one, two, False))
    return pairs


def parting(pairs: "list[tuple[str, Array, Array, bool]]", first_step: int) -> str:
    """A sentence on the first step at which anything differs."""
    apart = [(np.abs(one - two) > PARTED).any(axis=1) for _, one, two, _ in pairs]
    steps = np.flatnonzero(np.any(apart, axis=0))
    if not len(steps):
        return "no difference"
    first = steps[0]
    names = [pair[0] for pair, differs in zip(pairs, apart, strict=True) if differs[first]]
    return f"they part at step {first_step + first} ({', '.join(names)})"
