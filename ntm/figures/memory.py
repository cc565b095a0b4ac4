"""What the memory held: how full each slot was over time, and the matrix at some steps."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ntm.figures import slots
from ntm.figures.canvas import Times, add_bars, draw_map, mark, reach, settle, sheet
from ntm.runs.trace import Trace, TraceError

SNAPSHOTS = 6
MOST_SNAPSHOTS = 12


def memory(trace: Trace, at: Sequence[int] | None = None, *, cmap: str = "gray") -> Figure:
    """The length of every slot's vector over time, and the matrix that some steps' reads saw.

    Args:
        trace: with the memory
        at: the steps; by default six, the first and the last and where a phase begins among them
        cmap: of matplotlib
    Raises:
        TraceError: the trace has no memory, or not these steps
    """
    if "memory" not in trace:
        raise TraceError("this trace was taken without memory")
    matrices = trace["memory"]
    steps = chosen(trace) if at is None else checked(trace, at)
    known = [trace[n] for n in ("write_weightings", "read_weightings") if n in trace]
    shown = slots.window(known) if known else (0, matrices.shape[1])
    times = Times(trace.phases, trace.first_step)
    lengths = np.linalg.norm(matrices, axis=-1)
    limit = reach(matrices)
    figure = sheet(6.4, f"{trace.title}: memory")
    halves: Any = figure.subfigures(2, 1, height_ratios=(1, 1.3))
    over, under = halves
    top = over.subplots()
    full = slots.panel(
        "length of each slot's vector", lengths, shown, high=float(reach(lengths)), cmap=cmap
    )
    draw_map(top, full, times)
    mark(top, len(trace), times, named=True)
    top.set_title(full.name, fontsize=9, loc="left", pad=14 if times.phases else 4)
    top.set_xlabel("step (blue: the matrix is shown below)", fontsize=8)
    top.set_ylabel("slot", fontsize=8)
    add_bars(over, [full], [top])
    for step in steps:
        top.axvline(step, color="tab:blue", linewidth=0.8, linestyle=":")
    axes = under.subplots(1, len(steps), sharey=True, squeeze=False)[0]
    panels = []
    for step, axis in zip(steps, axes, strict=True):
        matrix = matrices[step - trace.first_step]
        panel = slots.panel(f"step {step}", matrix.T, shown, low=-limit, high=limit, cmap=cmap)
        draw_map(axis, panel, Times())
        axis.set_title(panel.name, fontsize=9)
        axis.set_xlabel("column", fontsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        panels.append(panel)
    axes[0].set_ylabel("slot", fontsize=8)
    add_bars(under, panels, axes, every=True)
    return settle(figure)


def chosen(trace: Trace) -> list[int]:
    """Steps worth a look: the first and the last, beginnings of phases, and some in between."""
    first, last = trace.first_step, trace.first_step + len(trace) - 1
    steps = {first, last} | {p.start for p in trace.phases if first < p.start < last}
    steps = set(sorted(steps)[:SNAPSHOTS])
    while len(steps) < min(SNAPSHOTS, len(trace)):  # halve the widest gap
        known = sorted(steps)
        width, left = max((b - a, -a) for a, b in pairwise(known))
        steps.add(-left + width // 2)
    return sorted(steps)


def checked(trace: Trace, at: Sequence[int]) -> list[int]:
    """Steps that were asked for.

    Raises:
        TraceError: they are not in the trace, or too many
    """
    first, last = trace.first_step, trace.first_step + len(trace) - 1
    if not 1 <= len(at) <= MOST_SNAPSHOTS:
        raise TraceError(f"at should name 1 to {MOST_SNAPSHOTS} steps, got {len(at)}")
    for step in at:
        if not first <= step <= last:
            raise TraceError(f"at should name steps from {first} to {last}, got {step}")
    return sorted(set(at))
