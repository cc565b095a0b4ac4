"""Rows of JSON numbers as an array; their types are checked before anything is converted.

NumPy looks for a common type of all it is given: one long string among numbers would make room for
that string at every place.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = {int, float}  # bool is neither


def to_matrix(rows: Any) -> NDArray[np.float64] | None:
    """A list of rows as [T, width]; None unless all rows are equally long lists of numbers."""
    if not isinstance(rows, list) or set(map(type, rows)) != {list}:
        return None
    widths = set(map(len, rows))
    flat = list(chain.from_iterable(rows)) if len(widths) == 1 else []
    if not flat or first_odd(flat) is not None:
        return None
    return np.array(flat, np.float64).reshape(len(rows), -1)


def first_odd(values: Sequence[Any]) -> int | None:
    """The place of the first value that is no number; None where all are."""
    odd = set(map(type, values)) - NUMBERS
    if not odd:
        return None
    return next(place for place, value in enumerate(values) if type(value) in odd)
