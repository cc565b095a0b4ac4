"""All of a run at a glance: time across, location up, grey from 0 to 1."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from ntm.figures import slots
from ntm.figures.canvas import Array, Panel, Times, grid, reach, settle
from ntm.tasks import Phase


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
    panels = [(panel,) for panel in _panels(tensors, cmap)]
    return settle(grid(panels, Times(phases, first_step), title=title, beside=True)[0])


def channels(name: str, values: Array, cmap: str = "gray") -> Panel:
    """The map of [T, .] that lies from 0 to 1, or around 0."""
    limit = reach(values)
    signed = bool(np.nanmin(values, initial=0) < 0)
    return Panel(
        name, values.T, -limit if signed else 0.0, limit if signed else 1.0, cmap, label="channel"
    )


def vectors(name: str, values: Array, limit: float, cmap: str = "gray") -> Panel:
    """The map of vectors [T, M] as wide as the memory, around 0."""
    return Panel(name, values.T, -limit, limit, cmap, label="column")


def _panels(tensors: Mapping[str, Array], cmap: str) -> list[Panel]:
    """What to draw, top to bottom."""
    panels: list[Panel] = []
    for name, label in (("inputs", "input"), ("target", "target"), ("outputs", "output")):
        if name in tensors:
            panels.append(channels(label, tensors[name], cmap))
    known = ("write_weightings", "read_weightings")
    shown = slots.window(tensors[name] for name in known if name in tensors)
    limit = reach(*(tensors[name] for name in ("writes.add", "reads") if name in tensors))
    for content, weightings, label, verb in (
        ("writes.add", "write_weightings", "write", "add"),
        ("reads", "read_weightings", "read", "read"),
    ):
        heads = max(
            [tensors[name].shape[1] for name in (content, weightings) if name in tensors], default=0
        )
        for head in range(heads):
            number = f" {head}" if heads > 1 else ""
            if content in tensors:
                panels.append(vectors(f"{verb}{number}", tensors[content][:, head], limit, cmap))
            if weightings in tensors:
                weighting = tensors[weightings][:, head]
                panels.append(
                    slots.panel(f"{label} weighting{number}", weighting, shown, cmap=cmap)
                )
    return panels
