"""Priority sort (Fig. 17): where a priority should be written, where it was, where reads looked."""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ntm.figures import slots
from ntm.figures.canvas import Array, Panel, Times, grid, settle
from ntm.trace import Trace


class Fit(NamedTuple):
    """A linear function of the priority that tells where a head writes."""

    locations: NDArray[np.float64]  # of every step that hears a vector [items], unwrapped
    explained: float  # R², the share of the variance of the observed locations


def fig17(trace: Trace, *, cmap: str = "gray") -> Figure:
    """Hypothesised write locations | observed ones | read locations, a row for every head.

    The hypothesis is the paper's: the location is a linear function of the priority, fitted to
    where the head in fact looked most.
    """
    items = trace.phases[0].stop - 1
    priorities = trace["inputs"][:items, -2].astype(np.float64)
    written, read = trace["write_weightings"], trace["read_weightings"]
    shown = slots.window([written[:items], read[items:]])
    rows: list[tuple[Panel | None, ...]] = []
    for at in range(max(written.shape[1], read.shape[1])):
        row: list[Panel | None] = [None, None, None]
        if at < written.shape[1]:
            fit = fitted(priorities, written[:items, at])
            number = f" {trace.numbers('write')[at]}" if written.shape[1] > 1 else ""
            told = f"hypothesised, write{number} (R² = {fit.explained:.2f})"
            row[0] = slots.panel(told, drawn(fit, written[:, at].shape), shown, cmap=cmap)
            row[1] = slots.panel(f"write weightings{number}", written[:, at], shown, cmap=cmap)
        if at < read.shape[1]:
            number = f" {trace.numbers('read')[at]}" if read.shape[1] > 1 else ""
            row[2] = slots.panel(f"read weightings{number}", read[:, at], shown, cmap=cmap)
        rows.append(tuple(row))
    title = f"{trace.title}: is the place of a write a linear function of the priority?"
    return settle(grid(rows, Times(trace.phases, trace.first_step), title=title)[0])


def fitted(priorities: NDArray[np.float64], weighting: Array) -> Fit:
    """Least squares over the slots looked at most, the circle cut open where it is emptiest.

    Args:
        priorities: [items]
        weighting: [items, N]
    """
    slots_there = weighting.shape[1]
    observed = weighting.argmax(axis=1)
    used = np.unique(observed)
    gaps = np.diff(used, append=used[:1] + slots_there)
    first = used[(int(gaps.argmax()) + 1) % len(used)]
    unwrapped = first + (observed - first) % slots_there
    factors = np.stack([priorities, np.ones_like(priorities)], axis=1)
    solution = np.linalg.lstsq(factors, unwrapped.astype(np.float64), rcond=None)[0]
    locations = factors @ solution
    spread = np.sum((unwrapped - unwrapped.mean()) ** 2)
    missed = np.sum((unwrapped - locations) ** 2)
    return Fit(locations, float(1 - missed / spread) if spread > 0 else 1.0)


def drawn(fit: Fit, shape: tuple[int, ...]) -> Array:
    """The fit as a weighting [T, N]: 1 at the nearest slot of every step that hears a vector."""
    told = np.zeros(shape, np.float32)
    nearest = np.rint(fit.locations).astype(int) % shape[1]
    told[np.arange(len(nearest)), nearest] = 1
    return told
