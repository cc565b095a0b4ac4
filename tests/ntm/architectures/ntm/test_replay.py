"""The memory of every step from what was written, against Eq. 3 and 4 in float64."""

from pathlib import Path

import numpy as np
import pytest

from ntm.architectures import kernels
from ntm.architectures.ntm.replay import WRITTEN, memories
from tests import reference


def written(heads: int, steps: int = 12, slots: int = 9, width: int = 5) -> list[np.ndarray]:
    """A first memory, and the weightings, erase and add vectors of its writes."""
    rng = np.random.default_rng(heads)
    return [
        rng.normal(size=(slots, width)).astype(np.float32),
        rng.dirichlet(np.full(slots, 0.3), (steps, heads)).astype(np.float32),
        rng.random((steps, heads, width), dtype=np.float32),
        rng.uniform(-1, 1, (steps, heads, width)).astype(np.float32),
    ]


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_memory_follows_from_what_was_written(heads: int) -> None:
    first, weightings, erase, add = written(heads)
    told = {"write_weightings": weightings, "erase": erase, "add": add}
    given = memories(first, told)
    assert given.dtype == np.float32
    memory = first.astype(float)
    for t in range(len(given)):
        np.testing.assert_allclose(given[t], memory, atol=1e-5)
        memory = reference.write(memory, weightings[t], erase[t], add[t])
    assert np.abs(given[-1] - first).max() > 0.1


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize(("steps", "slots", "width"), [(1, 1, 1), (7, 33, 20), (5, 2, 67)])
def test_the_compiled_replay_gives_the_same_bits(
    compiled: Path, heads: int, steps: int, slots: int, width: int
) -> None:
    given = written(heads, steps, slots, width)
    seen = np.empty((steps, slots, width), np.float32)
    seen[0] = given[0]
    kernels.load(compiled).replay(seen, *given[1:])
    told = dict(zip(WRITTEN, given[1:], strict=True))
    np.testing.assert_array_equal(seen, memories(given[0], told))
