"""The paper our pictures are drawn on: maps in a grid, phases marked, no more cells than pixels.

Figures are made without pyplot, which keeps every figure it makes and belongs to one thread.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from ntm.tasks import Phase

Array = NDArray[np.float32]
DOTS_PER_INCH = 110
WIDTH_INCHES = 11.0
TALLEST_INCHES = 50.0
FEW_CELLS = (40, 200)  # rows and columns that every map has pixels for
PHASE = "tab:red"
NOWHERE = "#f3e9dc"  # where there is no value


@dataclass(frozen=True)
class Panel:
    """One map: what is drawn, and by which scale."""

    name: str
    rows: Array  # [., T]
    low: float = 0.0
    high: float = 1.0
    cmap: str = "gray"
    first_row: int = 0  # the number that the lowest row goes by
    circle: int = 0  # slots on the circle that the rows lie on, 0 where there is none
    label: str = ""  # beside the rows
    tallest: float = 1.7  # in inches

    @property
    def height(self) -> float:
        """In inches, enough to tell the rows apart where they are few."""
        return min(self.tallest, 0.5 + 0.06 * len(self.rows))


@dataclass(frozen=True)
class Times:
    """What the columns of a map stand for."""

    phases: Sequence[Phase] = ()
    first_step: int = 0


def sheet(height: float, title: str = "") -> Figure:
    """An empty figure of this height in inches, at most the tallest."""
    size = (WIDTH_INCHES, min(height, TALLEST_INCHES))
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def grid(
    panels: Sequence[Sequence[Panel | None]], times: Times, *, title: str = "", beside: bool = False
) -> tuple[Figure, NDArray[Any]]:
    """Maps in rows and columns, time across; maps of one row and scale share a colour bar.

    Args:
        panels: row by row, all rows as long; None leaves a place empty
        times: what the columns stand for
        title: above all
        beside: whether names stand beside the maps instead of above them
    Returns:
        the figure, and the axes as the panels lie
    """
    heights = [max(panel.height for panel in row if panel) for row in panels]
    above = 0.0 if beside else 0.25
    figure = sheet(sum(heights) + above * len(panels) + 0.9, title)
    axes = figure.subplots(
        len(panels), len(panels[0]), sharex=True, squeeze=False, height_ratios=heights
    )
    for index, (row, cells) in enumerate(zip(panels, axes, strict=True)):
        for panel, axis in zip(row, cells, strict=True):
            if panel is None:
                axis.set_axis_off()
                continue
            draw_map(axis, panel, times)
            mark(axis, panel.rows.shape[1], times, named=index == 0)
            if beside:
                axis.set_ylabel(panel.name, rotation=0, ha="right", va="center", fontsize=9)
            else:
                pad = 14.0 if index == 0 and times.phases else 4.0
                axis.set_title(panel.name, fontsize=9, loc="left", pad=pad)
                axis.set_ylabel(panel.label, fontsize=8)
        if not beside:
            add_bars(figure, row, cells)
    for axis in axes[-1]:
        axis.set_xlabel("step", fontsize=8)
        axis.tick_params(labelbottom=True)
    return figure, axes


def draw_map(axis: Axes, panel: Panel, times: Times) -> AxesImage:
    """Rows from bottom to top, steps from left to right, as they are; see `settle`."""
    height, steps = panel.rows.shape
    low, left = panel.first_row - 0.5, times.first_step - 0.5
    image = axis.imshow(
        np.ma.masked_invalid(panel.rows),
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(left, left + steps, low, low + height),
        cmap=panel.cmap,
        vmin=panel.low,
        vmax=panel.high,
    )
    axis.set_facecolor(NOWHERE)
    axis.tick_params(labelsize=7)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
    axis.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    if panel.circle:  # a row below slot 0 is one of the last slots
        axis.yaxis.set_major_formatter(FuncFormatter(lambda row, _: f"{row % panel.circle:.0f}"))
    return image


def add_bars(
    figure: FigureBase, row: Sequence[Panel | None], cells: Sequence[Axes], *, every: bool = False
) -> None:
    """A colour bar behind the last of neighbours that share a scale, or one behind all of them."""
    there = [(panel, axis) for panel, axis in zip(row, cells, strict=True) if panel is not None]
    scales = [(panel.low, panel.high, panel.cmap) for panel, _ in there]
    for index, (low, high, cmap) in enumerate(scales):
        if index + 1 < len(scales) and scales[index + 1] == scales[index]:
            continue
        shown = ScalarMappable(Normalize(low, high), cmap)
        bar = figure.colorbar(
            shown, ax=list(cells) if every else there[index][1], aspect=16, pad=0.015, fraction=0.05
        )
        bar.ax.tick_params(labelsize=7)
        bar.set_ticks(
            [low, (low + high) / 2, high],
            labels=[f"{v:.2g}" for v in (low, (low + high) / 2, high)],
        )


def mark(axis: Axes, steps: int, times: Times, *, named: bool) -> None:
    """A line where each phase but the first begins, and above the map what the phases are."""
    start, stop = times.first_step, times.first_step + steps
    seen = [p for p in times.phases if p.start < stop and p.stop > start]
    for phase in seen:
        if phase.start > start:
            axis.axvline(phase.start - 0.5, color=PHASE, linewidth=0.9)
    if named:
        for name, at in names(seen, start, stop):
            align = "right" if at > 0.95 else "center"
            axis.annotate(
                name,
                (1.0 if at > 0.95 else at, 1.0),
                (0, 2),
                xycoords="axes fraction",
                textcoords="offset points",
                ha=align,
                fontsize=7,
                color=PHASE,
                annotation_clip=False,
            )


def names(phases: Sequence[Phase], start: int, stop: int) -> list[tuple[str, float]]:
    """Names and where they stand from 0 to 1; narrow neighbours are named together."""
    groups: list[tuple[str, float, float]] = []
    for phase in phases:
        left, right = (
            (max(phase.start, start) - start) / (stop - start),
            (min(phase.stop, stop) - start) / (stop - start),
        )
        if groups and right - left < 0.1 and groups[-1][2] - groups[-1][1] < 0.2:
            groups[-1] = (f"{groups[-1][0]} | {phase.name}", groups[-1][1], right)
        else:
            groups.append((phase.name, left, right))
    return [(name, (left + right) / 2) for name, left, right in groups]


def settle(figure: Figure) -> Figure:
    """Let no map have more cells than pixels, where drawing would lose some; returns the figure."""
    maps = [image for axis in figure.axes for image in axis.get_images()]
    if any(np.greater(cells(image).shape, FEW_CELLS).any() for image in maps):
        layout = figure.get_layout_engine()
        if layout is not None:
            layout.execute(figure)
        for image in maps:
            extent = image.axes.get_window_extent()
            most = max(1, int(extent.height * 0.95)), max(1, int(extent.width * 0.95))
            image.set_data(np.ma.masked_invalid(pooled(cells(image), most)))
    return figure


def cells(image: AxesImage) -> Array:
    """What a map draws; NaN where there is no value."""
    return np.ma.filled(np.ma.asarray(image.get_array()), np.nan)


def pooled(rows: Array, most: tuple[int, int]) -> Array:
    """The value furthest from 0 of every cell, where there are more values than cells.

    Drawing every n-th value would lose most peaks of a focus that is one slot wide.
    """
    for axis, count in enumerate(most):
        if rows.shape[axis] > count:
            starts = np.linspace(0, rows.shape[axis], count, endpoint=False).astype(int)
            high = np.fmax.reduceat(rows, starts, axis=axis)
            low = np.fmin.reduceat(rows, starts, axis=axis)
            rows = np.where(np.abs(low) > np.abs(high), low, high)
    return rows


def reach(*arrays: Array) -> float:
    """The limit of a signed scale that fits all of these."""
    return max([1e-6, *(float(np.nanmax(np.abs(a), initial=0)) for a in arrays)])


def render(figure: Figure, kind: str) -> bytes:
    """A figure as the bytes of a `png` or `svg` file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    return buffer.getvalue()
