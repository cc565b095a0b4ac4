"""exp, log, tanh, sigmoid and softplus over their whole range, against NumPy in float64."""

from collections.abc import Callable

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from ntm.compiled import elementary

Array = NDArray[np.float32]
COUNT = 400_000


def mapped(function: object, x: Array) -> Array:
    """The compiled function of every value."""

    @numba.njit(error_model="numpy")  # type: ignore[misc]
    def run(x: Array, y: Array) -> None:
        for i in range(len(x)):
            y[i] = function(x[i])  # type: ignore[operator]

    y = np.empty_like(x)
    run(x, y)
    return y


def in_ulps(given: Array, expected: NDArray[np.float64]) -> float:
    """The largest distance in units of the last place of what it should be."""
    return float(np.max(np.abs(given - expected) / np.spacing(np.abs(expected).astype(np.float32))))


def spread(low: float, high: float) -> Array:
    return np.linspace(low, high, COUNT).astype(np.float32)


def magnitudes(low: float, high: float) -> Array:
    return np.geomspace(low, high, COUNT).astype(np.float32)


BOTH_SIGNS = np.concatenate([-magnitudes(1e-30, 80), magnitudes(1e-30, 80)])


@pytest.mark.parametrize(
    ("name", "reference", "x", "ulps"),
    [
        ("exp", np.exp, spread(-86.9, 87.9), 2.0),
        ("exp", np.exp, BOTH_SIGNS, 2.0),
        ("log", np.log, magnitudes(1.2e-38, 3.4e38), 2.0),
        ("log", np.log, spread(0.5, 2.0), 2.0),
        ("tanh", np.tanh, spread(-20, 20), 5.0),
        ("tanh", np.tanh, BOTH_SIGNS, 5.0),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), spread(-80, 80), 3.0),
        ("softplus", lambda x: np.logaddexp(0, x), spread(-80, 80), 4.0),
    ],
)
def test_errors_in_units_of_the_last_place(
    name: str, reference: Callable[..., NDArray[np.float64]], x: Array, ulps: float
) -> None:
    given = mapped(getattr(elementary, name), x)
    assert in_ulps(given, reference(x.astype(np.float64))) <= ulps


def test_what_lies_beyond_stays_finite() -> None:
    x = np.array([-np.inf, -1e30, -100, 100, 1e30, np.inf], np.float32)
    assert mapped(elementary.exp, x)[:3].tolist() == [0, 0, 0]
    assert np.isfinite(mapped(elementary.exp, x)).all()
    assert mapped(elementary.tanh, x) == pytest.approx([-1, -1, -1, 1, 1, 1], abs=1e-6)
    assert mapped(elementary.sigmoid, x) == pytest.approx([0, 0, 0, 1, 1, 1], abs=1e-30)
