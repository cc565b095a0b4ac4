"""The memory of every step from what was written, against Eq. 3 and 4 in float64."""

import numpy as np
import pytest

from ntm.replay import memories
from tests import reference


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_memory_follows_from_what_was_written(heads: int) -> None:
    rng = np.random.default_rng(heads)
    steps, slots, width = 12, 9, 5
    first = rng.normal(size=(slots, width)).astype(np.float32)
    weightings = rng.dirichlet(np.full(slots, 0.3), (steps, heads)).astype(np.float32)
    erase = rng.random((steps, heads, width), dtype=np.float32)
    add = rng.uniform(-1, 1, (steps, heads, width)).astype(np.float32)
    given = memories(first, weightings, erase, add)
    assert given.dtype == np.float32
    memory = first.astype(float)
    for t in range(steps):
        np.testing.assert_allclose(given[t], memory, atol=1e-5)
        memory = reference.write(memory, weightings[t], erase[t], add[t])
    assert np.abs(given[-1] - first).max() > 0.1
