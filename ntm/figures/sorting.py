"""Priority sort (Fig. 17): where a priority should be written, where it was, where reads looked."""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ntm.figures import slots
from ntm.figures.canvas import Array, Panel, Times, grid, settle
from ntm.runs.trace import Trace

NEAR = 1.0  # slots: what lies closer to the line is on it
MOST_CANDIDATES = 40  # items that lines are laid through


class Fit(NamedTuple):
    """A linear function of the priority that tells where a head writes."""

    locations: NDArray[np.float64]  # the slot for every step that hears a vector [items]
    near: int  # how many of the observed locations are within a slot of it


def fig17(trace: Trace, *, cmap: str = "gray") -> Figure:
    """Hypothesised write locations | observed ones | read locations, a row for every head.

    The hypothesis is the paper's: the location is a linear function of the priority, fitted to
    where the head looked most.
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
            told = f"hypothesised{number}: {fit.near} of {items} within a slot"
            row[0] = slots.panel(
                told, drawn(fit, written[:, at].shape), shown, cmap=cmap, tallest=2.8
            )
            row[1] = slots.panel(
                f"write weightings{number}", written[:, at], shown, cmap=cmap, tallest=2.8
            )
        if at < read.shape[1]:
            number = f" {trace.numbers('read')[at]}" if read.shape[1] > 1 else ""
            row[2] = slots.panel(
                f"read weightings{number}", read[:, at], shown, cmap=cmap, tallest=2.8
            )
        rows.append(tuple(row))
    title = f"{trace.title}: writes by a linear function of the priority | writes | reads"
    return settle(grid(rows, Times(trace.phases, trace.first_step), title=title)[0])


def fitted(priorities: NDArray[np.float64], weighting: Array) -> Fit:
    """The line around the circle that most writes lie on, then least squares over those.

    A plain least squares fit would be bent by the few slots where a model lets fall what it will
    not be asked for.

    Args:
        priorities: [items]
        weighting: [items, N]
    """
    around = weighting.shape[1]
    observed = weighting.argmax(axis=1).astype(np.float64)
    ranked = np.argsort(priorities)
    tried = ranked[np.linspace(0, len(ranked) - 1, min(len(ranked), MOST_CANDIDATES)).astype(int)]
    slope, start = 0.0, observed[tried[0]]
    if len(tried) > 1:
        one, two = (tried[side] for side in np.triu_indices(len(tried), 1))
        run = priorities[two] - priorities[one]
        rise = wrapped(observed[two] - observed[one], around)
        slopes = np.divide(rise, run, out=np.zeros_like(run), where=run != 0)
        starts = observed[one] - slopes * priorities[one]
        missed = wrapped(observed - starts[:, None] - slopes[:, None] * priorities, around)
        best = ((np.abs(missed) <= NEAR).sum(axis=1) - np.abs(slopes) / 1e6).argmax()
        slope, start = slopes[best], starts[best]
    guess = start + slope * priorities
    unwrapped = guess + wrapped(observed - guess, around)
    on_it = np.abs(unwrapped - guess) <= NEAR
    factors = np.stack([priorities, np.ones_like(priorities)], axis=1)
    solution = np.linalg.lstsq(factors[on_it], unwrapped[on_it], rcond=None)[0]
    locations = factors @ solution
    near = int((np.abs(wrapped(observed - locations, around)) <= NEAR).sum())
    return Fit(locations, near)


def wrapped(distance: NDArray[np.float64], around: int) -> NDArray[np.float64]:
    """Distances on a circle of so many slots, the short way."""
    return (distance + around / 2) % around - around / 2


def drawn(fit: Fit, shape: tuple[int, ...]) -> Array:
    """The fit as a weighting [T, N]: 1 at the nearest slot of every step that hears a vector."""
    told = np.zeros(shape, np.float32)
    nearest = np.rint(fit.locations).astype(int) % shape[1]
    told[np.arange(len(nearest)), nearest] = 1
    return told
