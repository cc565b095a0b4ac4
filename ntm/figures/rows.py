"""A picture of an architecture's own stages: a row for each, all heads, time across."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ntm.architectures.picture import Picture, Row
from ntm.figures import slots
from ntm.figures.canvas import Array, Panel, Times, draw_map, mark, settle, sheet
from ntm.figures.overview import channels
from ntm.runs.trace import Trace, TraceError

CURVE_INCHES = 0.9
COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red")


def rows(trace: Trace, picture: Picture, *, cmap: str = "gray") -> Figure:
    """A picture of a trace; rows whose tensors it was taken without are left out.

    Raises:
        TraceError: no row is left
    """
    drawn = [part for row in picture.rows for part in _parts(trace, row, cmap)]
    if not drawn:
        raise TraceError(f"this trace was taken without {' and '.join(picture.tensors)}")
    heights = [part.height if isinstance(part, Panel) else CURVE_INCHES for _, part in drawn]
    figure = sheet(sum(heights) + 0.3 * len(drawn) + 0.9, f"{trace.title}: {picture.title}")
    axes = figure.subplots(len(drawn), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    times = Times(trace.phases, trace.first_step)
    for index, (axis, (title, part)) in enumerate(zip(axes, drawn, strict=True)):
        if isinstance(part, Panel):
            draw_map(axis, part, times)
            axis.set_ylabel(part.label, fontsize=8)
        else:
            part.draw(axis, trace.first_step)
        mark(axis, len(trace), times, named=index == 0)
        pad = 14.0 if index == 0 and times.phases else 3.0
        axis.set_title(title, fontsize=8, loc="left", pad=pad)
    axes[-1].set_xlabel("step", fontsize=8)
    axes[-1].set_xlim(trace.first_step - 0.5, trace.first_step + len(trace) - 0.5)
    return settle(figure)


class Curves:
    """Numbers over time in one row, lines or shares of 1."""

    def __init__(self, values: dict[str, Array], *, stacked: bool = False, top: float = 1.0):
        self.values, self.stacked, self.top = values, stacked, top

    def draw(self, axis: Axes, first_step: int) -> None:
        """All of them, with a legend where they have names."""
        steps = first_step + np.arange(len(next(iter(self.values.values()))))
        if self.stacked:
            edges = np.append(steps, steps[-1:] + 1) - 0.5
            stack = np.cumsum([np.zeros(len(steps)), *self.values.values()], axis=0)
            for (name, _), low, high, colour in zip(
                self.values.items(), stack, stack[1:], COLOURS, strict=False
            ):
                axis.stairs(high, edges, baseline=low, fill=True, label=name, color=colour)
        else:
            style = ".-" if len(steps) <= 100 else "-"
            for name, line in self.values.items():
                axis.plot(steps, line, style, linewidth=1, markersize=3, label=name)
        axis.set_ylim(0 if self.stacked else -0.08 * self.top, 1.08 * self.top)
        axis.tick_params(labelsize=7)
        axis.yaxis.set_major_locator(MaxNLocator(nbins=2, steps=[1, 2, 5, 10]))
        if any(self.values):
            axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7, frameon=False)


def _parts(trace: Trace, row: Row, cmap: str) -> Iterator[tuple[str, Panel | Curves]]:
    """The maps and curves of a row by their titles; a map for each head."""
    known = {legend: trace[name] for name, legend in row.tensors.items() if name in trace}
    if not known:
        return
    first = next(iter(known.values()))
    if row.form == "channels":
        yield row.title, channels(row.title, first, cmap)
    elif row.form == "total":
        slots_in_all = first.shape[-1]
        sums = first.reshape(len(first), -1).sum(axis=1)
        yield row.title, Curves({"": sums}, top=min(slots_in_all, float(sums.max(initial=1))))
    elif row.form == "curves":
        numbered = {
            f"{legend} {head}".strip()
            if values.reshape(len(values), -1).shape[1] > 1
            else legend: line
            for legend, values in known.items()
            for head, line in enumerate(values.reshape(len(values), -1).T)
        }
        yield row.title, Curves(numbered)
    else:
        heads = first if first.ndim == 3 else first[:, None]
        for head in range(heads.shape[1]):
            title = f"{row.title}, head {head}" if heads.shape[1] > 1 else row.title
            values = heads[:, head]
            if row.form == "shares":
                names = next(iter(known)).split(", ")
                if len(names) == values.shape[1]:  # a memory without links has one way only
                    yield title, Curves(dict(zip(names, values.T, strict=True)), stacked=True)
            else:
                yield title, slots.panel(title, values, _window(trace), cmap=cmap)


def _window(trace: Trace) -> tuple[int, int]:
    """The slots that are drawn, the same in every row."""
    sides = ("write_weightings", "read_weightings")
    return slots.window([trace[name] for name in sides if name in trace])
