"""Whatever comes to a compiled function has one layout."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ntm.compiled.layout import plain

NUMBERS = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_a_plain_array_is_not_copied() -> None:
    assert plain(NUMBERS) is NUMBERS


@pytest.mark.parametrize(
    "values",
    [
        np.frombuffer(NUMBERS.tobytes(), np.float32).reshape(2, 3, 4),
        NUMBERS.transpose(2, 1, 0),
        NUMBERS[:, ::2],
        np.broadcast_to(NUMBERS[:1], (5, 3, 4)),
        NUMBERS.astype(np.float64),
        NUMBERS.astype(">f4"),
        np.frombuffer(b"x" + NUMBERS.tobytes(), np.float32, offset=1),
    ],
    ids=["read-only", "transposed", "strided", "broadcast", "double", "big-endian", "unaligned"],
)
def test_any_other_is_copied_to_the_same_numbers(values: NDArray[Any]) -> None:
    copied = plain(values)
    assert copied.flags.carray
    assert copied.dtype == np.float32
    assert np.array_equal(copied, values)
