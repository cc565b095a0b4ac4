"""The paper's pictures of a run: time across, location up, grey from 0 to 1 (Fig. 6)."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ntm.tasks import Phase

Array = NDArray[np.float32]
DOTS_PER_INCH = 110
WIDTH_INCHES = 11.0
FOCUS = 0.25  # a slot with this much of a weighting is one that a head looks at


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
    panels = list(_panels(tensors))
    heights = [min(1.7, 0.4 + 0.06 * len(rows)) for _, rows, _ in panels]
    figure = Figure(figsize=(WIDTH_INCHES, sum(heights) + 0.9), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (name, rows, signed) in zip(axes, panels, strict=True):
        _draw(axis, name, rows, signed, cmap)
        for phase in phases[1:]:
            axis.axvline(phase.start - 0.5, color="tab:red", linewidth=0.8)
    axes[-1].set_xlabel("step")
    return figure


def render(figure: Figure, kind: str) -> bytes:
    """A figure as the bytes of a `png` or `svg` file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH)
    return buffer.getvalue()


def _panels(tensors: Mapping[str, Array]) -> list[tuple[str, Array, bool]]:
    """Name, rows [., T] and whether they are signed, top to bottom."""
    panels: list[tuple[str, Array, bool]] = []
    for name, label in (("inputs", "input"), ("target", "target"), ("outputs", "output")):
        if name in tensors:
            rows = tensors[name].T
            panels.append((label, rows, bool(np.nanmin(rows, initial=0) < 0)))
    slots = _touched(tensors)
    for vectors, weightings, label, verb in (
        ("writes.add", "write_weightings", "write", "add"),
        ("reads", "read_weightings", "read", "read"),
    ):
        heads = tensors[weightings].shape[1] if weightings in tensors else 0
        for head in range(heads):
            number = f" {head}" if heads > 1 else ""
            if vectors in tensors:
                panels.append((f"{verb}{number}", tensors[vectors][:, head].T, True))
            rows = tensors[weightings][:, head].T[:slots]
            panels.append((f"{label} weighting{number}", rows, False))
    return panels


def _touched(tensors: Mapping[str, Array]) -> int:
    """How many slots from 0 on to show so that every focus is in sight and the walk is too."""
    last = 0
    for name in ("write_weightings", "read_weightings"):
        if name in tensors:
            focused = np.flatnonzero(tensors[name].max(axis=(0, 1)) > FOCUS)
            last = max(last, int(focused.max(initial=0)))
    return max(8, last + 2)


def _draw(axis: Axes, name: str, rows: Array, signed: bool, cmap: str) -> None:
    limit = 1.0
    if signed:
        limit = max(1e-6, float(np.nanmax(np.abs(rows))))
    axis.imshow(
        np.ma.masked_invalid(rows),
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        cmap=cmap,
        vmin=-limit if signed else 0.0,
        vmax=limit,
    )
    axis.set_facecolor("#f3e9dc")
    axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    axis.tick_params(labelsize=7)
    axis.locator_params(axis="y", nbins=3, integer=True)
