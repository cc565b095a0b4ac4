"""A head that never frees, never follows a link or never changes its mode is told so."""

import numpy as np
import pytest

from ntm.insight import Thresholds, findings
from ntm.insight.arrays import Array

STEPS, SLOTS = 12, 4


def run() -> dict[str, Array]:
    """A run whose read head frees, follows links and changes its mode."""
    weighting = np.eye(SLOTS)[np.arange(STEPS) % SLOTS][:, None]
    modes = np.eye(3)[np.arange(STEPS) % 3][:, None]
    return {
        "read_weightings": weighting,
        "addressing.read.free_gate": np.linspace(0, 1, STEPS)[:, None],
        "addressing.read.read_mode": modes,
        "addressing.read.forward_weighting": weighting,
    }


def slugs(tensors: dict[str, Array], thresholds: Thresholds | None = None) -> set[str]:
    """The findings about what is unused."""
    found = findings(tensors, thresholds)
    return {one.slug for one in found if one.slug.startswith("unused")}


def test_a_head_that_does_all_it_can_has_no_such_finding() -> None:
    assert not slugs(run())


@pytest.mark.parametrize("free_gate", [0.0, 0.01])
def test_a_head_that_never_frees(free_gate: float) -> None:
    tensors = run() | {"addressing.read.free_gate": np.full((STEPS, 1), free_gate)}
    assert slugs(tensors) == {"unused_freeing"}
    tensors["addressing.read.free_gate"][5] = 0.02
    assert not slugs(tensors)
    assert slugs(tensors, Thresholds(unused_margin=0.02)) == {"unused_freeing"}


def test_a_head_that_never_follows_a_link_never_changes_its_mode_either() -> None:
    content = np.array([[[0.0, 1.0, 0.0]]]).repeat(STEPS, axis=0)
    tensors = run() | {"addressing.read.read_mode": content}
    assert slugs(tensors) == {"unused_links", "unused_modes"}
    assert not slugs(tensors, Thresholds(unused_steps=STEPS + 1))
    sentence = next(one for one in findings(tensors) if one.slug == "unused_modes").sentence
    assert sentence.startswith("read.0 never changes its read mode: it is content at all 12 steps")


def test_a_head_that_always_reads_forward_follows_links() -> None:
    forward = np.array([[[0.2, 0.2, 0.6]]]).repeat(STEPS, axis=0)
    tensors = run() | {"addressing.read.read_mode": forward}
    assert slugs(tensors) == {"unused_modes"}
