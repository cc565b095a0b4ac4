"""What the property tests draw: arrays, weightings, and what heads may say, as hypothesis does."""

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

LARGEST = 2.0**60  # of a key or a memory; squares of it still fit in a float32


def tensors(low: float, high: float, *shape: int) -> st.SearchStrategy[torch.Tensor]:
    """float32 tensors with every element from low to high."""
    numbers = st.floats(low, high, width=32)
    return arrays(np.float32, shape, elements=numbers).map(torch.from_numpy)


def weightings(*shape: int) -> st.SearchStrategy[torch.Tensor]:
    """Non-negative, the last axis sums to 1; from uniform to one-hot."""
    return tensors(-100, 100, *shape).map(lambda logits: torch.softmax(logits, dim=-1))


def sizes(*names: str, largest: int = 6) -> st.SearchStrategy[dict[str, int]]:
    """A size from 1 to `largest` for every name."""
    return st.fixed_dictionaries({name: st.integers(1, largest) for name in names})


@st.composite
def addressings(draw: Any) -> dict[str, torch.Tensor]:
    """The arguments of `NTMMemory.address`, as extreme as they get."""
    size = draw(sizes("B", "H", "N", "M"))
    batch, heads, slots, width = size.values()
    taps = draw(st.sampled_from([3, 5]))
    return {
        "memory": draw(tensors(-LARGEST, LARGEST, batch, slots, width)),
        "key": draw(tensors(-LARGEST, LARGEST, batch, heads, width)),
        "key_strength": draw(tensors(0, LARGEST, batch, heads, 1)),
        "gate": draw(tensors(0, 1, batch, heads, 1)),
        "shift": draw(weightings(batch, heads, taps)),
        "sharpening": draw(tensors(1, 100, batch, heads, 1)),
        "previous": draw(weightings(batch, heads, slots)),
    }


@st.composite
def writes(draw: Any) -> dict[str, torch.Tensor]:
    """The arguments of `NTMMemory.write`."""
    size = draw(sizes("B", "W", "N", "M", largest=4))
    batch, heads, slots, width = size.values()
    return {
        "memory": draw(tensors(-10, 10, batch, slots, width)),
        "weighting": draw(weightings(batch, heads, slots)),
        "erase_vector": draw(tensors(0, 1, batch, heads, width)),
        "add_vector": draw(tensors(-1, 1, batch, heads, width)),
    }
