"""The paper's pictures of a run: time across, location up, grey from 0 to 1 (Fig. 6)."""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from ntm.tasks import Phase

Array = NDArray[np.float32]
DOTS_PER_INCH = 110
WIDTH_INCHES = 11.0
MOST_CELLS = (256, 1600)  # rows and steps that a panel has pixels for
FOCUS = 0.25  # a slot with this much of a weighting is one that a head looks at


class Panel(NamedTuple):
    """One map of the overview."""

    name: str
    rows: Array  # [., T]
    signed: bool
    first_row: int = 0  # the number that the lowest row goes by
    circle: int = 0  # slots on the circle that the rows lie on, 0 where there is none


def overview(
    tensors: Mapping[str, Array],
    *,
    title: str = "",
    phases: Sequence[Phase] = (),
    first_step: int = 0,
    cmap: str = "gray",
) -> Figure:
    """Inputs, outputs, adds, reads and the weightings of every head over time.

    Args:
        tensors: any of inputs [T, I], target [T, O], outputs [T, O], writes.add [T, W, M],
            write_weightings [T, W, N], reads [T, R, M], read_weightings [T, R, N]
        title: above all panels
        phases: marked by a line where each begins
        first_step: the number that the first column goes by
        cmap: of matplotlib; the paper's grey by default
    """
    panels = _panels(tensors)
    heights = [min(1.7, 0.4 + 0.06 * len(panel.rows)) for panel in panels]
    figure = Figure(figsize=(WIDTH_INCHES, sum(heights) + 0.9), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        _draw(axis, panel, first_step, cmap)
        for phase in phases[1:]:
            axis.axvline(phase.start - 0.5, color="tab:red", linewidth=0.8)
    axes[-1].set_xlabel("step")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def render(figure: Figure, kind: str) -> bytes:
    """A figure as the bytes of a `png` or `svg` file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH)
    return buffer.getvalue()


def _panels(tensors: Mapping[str, Array]) -> list[Panel]:
    """What to draw, top to bottom."""
    panels: list[Panel] = []
    for name, label in (("inputs", "input"), ("target", "target"), ("outputs", "output")):
        if name in tensors:
            rows = tensors[name].T
            panels.append(Panel(label, rows, bool(np.nanmin(rows, initial=0) < 0)))
    start, stop = _window(tensors)
    for vectors, weightings, label, verb in (
        ("writes.add", "write_weightings", "write", "add"),
        ("reads", "read_weightings", "read", "read"),
    ):
        heads = tensors[weightings].shape[1] if weightings in tensors else 0
        for head in range(heads):
            number = f" {head}" if heads > 1 else ""
            if vectors in tensors:
                panels.append(Panel(f"{verb}{number}", tensors[vectors][:, head].T, True))
            rows = tensors[weightings][:, head].T.take(range(start, stop), axis=0, mode="wrap")
            circle = tensors[weightings].shape[-1]
            panels.append(Panel(f"{label} weighting{number}", rows, False, start, circle))
    return panels


def _window(tensors: Mapping[str, Array]) -> tuple[int, int]:
    """The shortest stretch of the circle of slots that every focus lies in, with a slot around.

    Slots are counted from the first to one past the last; a negative one lies before slot 0, so
    that -1 is the last slot.
    """
    weightings = [tensors[n] for n in ("write_weightings", "read_weightings") if n in tensors]
    if not weightings:
        return 0, 0
    slots = weightings[0].shape[-1]
    looked_at = np.max([w.max(axis=(0, 1), initial=0) for w in weightings], axis=0) > FOCUS
    focused = np.flatnonzero(looked_at)
    gaps = np.diff(focused, append=focused[:1] + slots)
    if gaps.max(initial=0) <= 3:  # nowhere, or all around
        return 0, slots
    widest = int(gaps.argmax())
    stop = int(focused[widest]) + 2
    return stop - (slots - int(gaps[widest]) + 3), stop


def _draw(axis: Axes, panel: Panel, first_step: int, cmap: str) -> None:
    limit = 1.0
    if panel.signed:
        limit = max(1e-6, float(np.nanmax(np.abs(panel.rows), initial=0)))
    height, steps = panel.rows.shape
    low, left = panel.first_row - 0.5, first_step - 0.5
    axis.imshow(
        np.ma.masked_invalid(_pooled(panel.rows)),
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(left, left + steps, low, low + height),
        cmap=cmap,
        vmin=-limit if panel.signed else 0.0,
        vmax=limit,
    )
    axis.set_facecolor("#f3e9dc")
    axis.set_ylabel(panel.name, rotation=0, ha="right", va="center", fontsize=9)
    axis.tick_params(labelsize=7)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    if panel.circle:  # a row below slot 0 is one of the last slots
        axis.yaxis.set_major_formatter(FuncFormatter(lambda row, _: f"{row % panel.circle:.0f}"))


def _pooled(rows: Array) -> Array:
    """The value furthest from 0 of every cell, where there are more values than pixels.

    Drawing every n-th value would lose most peaks of a focus that is one slot wide.
    """
    for axis, most in enumerate(MOST_CELLS):
        if rows.shape[axis] > most:
            starts = np.linspace(0, rows.shape[axis], most, endpoint=False).astype(int)
            high = np.fmax.reduceat(rows, starts, axis=axis)
            low = np.fmin.reduceat(rows, starts, axis=axis)
            rows = np.where(np.abs(low) > np.abs(high), low, high)
    return rows
