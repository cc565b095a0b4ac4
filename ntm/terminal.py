"""A run drawn in the terminal: time across, channels and slots up, one character a cell."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

Array = NDArray[np.float32]

SHADES = " ░▒▓█"
PLAIN = str.maketrans("░▒▓█│·", ".:+#|-")  # where the terminal has no Unicode
FOCUS = 0.25  # a slot with this much of a weighting is one that a head looks at
MOST_ROWS = 40


def draw(tensors: Mapping[str, Array]) -> Iterator[Text]:
    """Line by line: input, target, output with wrong bits in red, then every head's weighting.

    Args:
        tensors: inputs [T, I], target [T, O] (NaN where it does not matter), outputs [T, O],
            write_weightings [T, W, N], read_weightings [T, R, N]
    """
    target, outputs = tensors["target"], tensors["outputs"]
    wrong = ((outputs > 0.5) != (target > 0.5)) & ~np.isnan(target)
    yield from _rows("input", tensors["inputs"], np.zeros_like(tensors["inputs"], bool))
    yield from _rows("target", target, np.zeros_like(wrong))
    yield from _rows("output", np.where(np.isnan(target), np.nan, outputs), wrong)
    for name in ("write", "read"):
        weightings = tensors[f"{name}_weightings"]
        for head in range(weightings.shape[1]):
            yield from _rows(f"{name} {head}", *_focus(weightings[:, head]))


def _focus(weighting: Array) -> tuple[Array, NDArray[np.bool_]]:
    """The slots that a head looks at, in order [T, slots], none of them marked."""
    shown = weighting[:, np.flatnonzero(weighting.max(axis=0) > FOCUS)[:MOST_ROWS]]
    return shown, np.zeros_like(shown, bool)


def _rows(name: str, values: Array, marked: NDArray[np.bool_]) -> Iterator[Text]:
    """A block of rows, the first channel at the bottom; cells from 0 to 1, NaN is a dot."""
    for row in reversed(range(values.shape[1])):
        line = Text(f"{name if row == values.shape[1] - 1 else '':>8} │", style="dim")
        for value, mark in zip(values[:, row], marked[:, row], strict=True):
            cell = "·" if np.isnan(value) else SHADES[round(4 * min(max(float(value), 0), 1))]
            line.append(cell, style="bold red on red" if mark else "default")
        yield line
    yield Text("")
