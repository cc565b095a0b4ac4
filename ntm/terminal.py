"""A run drawn in the terminal: time across, channels and slots up, one character a cell."""

from array import array
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

Array = NDArray[np.float32]

SHADES = " ░▒▓█"
PLAIN = str.maketrans("░▒▓█│·", ".:+#|-")  # where the terminal has no Unicode
FOCUS = 0.25  # a slot with this much of a weighting is one that a head looks at
FAINT = 0.125  # up to this much is drawn as nothing
MOST_ROWS = 40


class Focus:
    """The slots that a head looks at, gathered as it goes: what is drawn, and not all of N."""

    def __init__(self) -> None:
        self._length = 0
        self._steps, self._slots, self._values = array("q"), array("q"), array("f")

    def add(self, weighting: Array) -> None:
        """The next steps, [K, N]."""
        steps, slots = np.nonzero(weighting > FAINT)
        self._steps.extend((steps + self._length).tolist())
        self._slots.extend(slots.tolist())
        self._values.extend(weighting[steps, slots].tolist())
        self._length += len(weighting)

    def shown(self) -> Array:
        """The slots that had more than `FOCUS` of it at some step, in order, [T, slots]."""
        steps, slots, values = (np.array(v) for v in (self._steps, self._slots, self._values))
        chosen = np.unique(slots[values > FOCUS])[:MOST_ROWS]
        drawn, seen = np.zeros((self._length, len(chosen)), np.float32), np.isin(slots, chosen)
        drawn[steps[seen], np.searchsorted(chosen, slots[seen])] = values[seen]
        return drawn


def draw(tensors: Mapping[str, Array], heads: Mapping[str, Focus]) -> Iterator[Text]:
    """Line by line: input, target, output with wrong bits in red, then where every head looks.

    Args:
        tensors: inputs [T, I], target [T, O] (NaN where it does not matter), outputs [T, O]
        heads: by name, in the order in which they are drawn
    """
    target, outputs = tensors["target"], tensors["outputs"]
    wrong = ((outputs > 0.5) != (target > 0.5)) & ~np.isnan(target)
    yield from _rows("input", tensors["inputs"])
    yield from _rows("target", target)
    yield from _rows("output", np.where(np.isnan(target), np.nan, outputs), wrong)
    for name, focus in heads.items():
        yield from _rows(name, focus.shown())


def _rows(name: str, values: Array, marked: NDArray[np.bool_] | None = None) -> Iterator[Text]:
    """A block of rows, the first channel at the bottom; cells from 0 to 1, NaN is a dot."""
    shades = np.rint(4 * np.clip(np.nan_to_num(values), 0, 1)).astype(int)
    cells = np.where(np.isnan(values), "·", np.array(list(SHADES))[shades])
    for row in reversed(range(values.shape[1])):
        label = f"{name if row == values.shape[1] - 1 else '':>8} │"
        line = Text(label, style="dim")
        line.append("".join(cells[:, row]), style="default")
        for step in np.flatnonzero(marked[:, row]) if marked is not None else ():
            at = len(label) + int(step)
            line.stylize("bold red on red", at, at + 1)
        yield line
    yield Text("")
