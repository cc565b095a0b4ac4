"""The paper's pictures of a run: time across, location up, grey from 0 to 1 (Fig. 6)."""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ntm.tasks import Phase

Array = NDArray[np.float32]
DOTS_PER_INCH = 110
WIDTH_INCHES = 11.0
FOCUS = 0.25  # a slot with this much of a weighting is one that a head looks at


class Panel(NamedTuple):
    """One map of the overview."""

    name: str
    rows: Array  # [., T]
    signed: bool
    first_row: int = 0  # the number that the lowest row goes by


def overview(
    tensors: Mapping[str, Array],
    *,
    title: str = "",
    phases: Sequence[Phase] = (),
    cmap: str = "gray",
) -> Figure:
    """Inputs, outputs, adds, reads and the weightings of every head over time.

    Args:
        tensors: any of inputs [T, I], target [T, O], outputs [T, O], writes.add [T, W, M],
            write_weightings [T, W, N], reads [T, R, M], read_weightings [T, R, N]
        title: above all panels
        phases: marked by a line where each begins
        cmap: of matplotlib; the paper's grey by default
    """
    panels = _panels(tensors)
    heights = [min(1.7, 0.4 + 0.06 * len(panel.rows)) for panel in panels]
    figure = Figure(figsize=(WIDTH_INCHES, sum(heights) + 0.9), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        _draw(axis, panel, cmap)
        for phase in phases[1:]:
            axis.axvline(phase.start - 0.5, color="tab:red", linewidth=0.8)
    axes[-1].set_xlabel("step")
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
            panels.append(Panel(f"{label} weighting{number}", rows, False, start))
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


def _draw(axis: Axes, panel: Panel, cmap: str) -> None:
    limit = 1.0
    if panel.signed:
        limit = max(1e-6, float(np.nanmax(np.abs(panel.rows))))
    height, steps = panel.rows.shape
    low = panel.first_row - 0.5
    axis.imshow(
        np.ma.masked_invalid(panel.rows),
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(-0.5, steps - 0.5, low, low + height),
        cmap=cmap,
        vmin=-limit if panel.signed else 0.0,
        vmax=limit,
    )
    axis.set_facecolor("#f3e9dc")
    axis.set_ylabel(panel.name, rotation=0, ha="right", va="center", fontsize=9)
    axis.tick_params(labelsize=7)
    axis.locator_params(axis="y", nbins=3, integer=True)
