"""Single parts of a wiring against their formulas, and reads as sums of writes."""

import numpy as np
import pytest
import torch

from ntm import Trace, Wiring
from ntm.architectures.ntm.wired.activations import ACTIVATIONS
from ntm.architectures.ntm.wired.addressing import convolve, sharpen
from ntm.insight.provenance import WRITTEN, needs, provenance
from tests import wired_models

NEEDED = (*needs(WRITTEN), "reads")


def test_a_scalar_shift_reads_between_two_slots() -> None:
    weighting = np.random.default_rng(0).dirichlet(np.ones(6))
    for x in (-3.0, -0.4, 0.0, 0.7, 5.0):
        z = 2 / (1 + np.exp(-x)) - 1
        whole, part = int(np.floor(z)), z - np.floor(z)
        expected = [
            (1 - part) * weighting[(i + whole) % 6] + part * weighting[(i + whole + 1) % 6]
            for i in range(6)
        ]
        taps = ACTIVATIONS["scalar"](torch.tensor([[[x]]], dtype=torch.float64))
        moved = convolve(Wiring(), torch.from_numpy(weighting)[None, None], taps)
        np.testing.assert_allclose(moved[0, 0], expected, atol=1e-12)


def test_zero_padding_loses_what_leaves_at_either_end() -> None:
    wiring = Wiring(convolution="zero-padded", normalisation="raised")
    gated = torch.tensor([[[0.5, 0.0, 0.0, 0.5]]])
    for tap, expected in ((0, [0, 0, 0.5, 0]), (1, [0.5, 0, 0, 0.5]), (2, [0, 0.5, 0, 0])):
        moved = convolve(wiring, gated, torch.eye(3)[None, None, tap])
        assert moved[0, 0].tolist() == expected


@pytest.mark.parametrize("normalisation", ["relative", "held", "raised"])
def test_sharpening_normalises(normalisation: str) -> None:
    wiring = Wiring(normalisation=normalisation)
    shifted = torch.tensor([[[0.1, 0.6, 0.3]]], dtype=torch.float64)
    weighting = sharpen(wiring, shifted, torch.tensor([[[3.0]]], dtype=torch.float64))
    offset = 1e-6 if normalisation == "raised" else 0
    powers = (shifted[0, 0].numpy() + offset) ** 3
    np.testing.assert_allclose(weighting[0, 0], powers / powers.sum(), atol=1e-12)
    large = sharpen(wiring, torch.full((1, 1, 4), 0.25), torch.full((1, 1, 1), 200.0))
    assert torch.isfinite(large).all()


@pytest.mark.parametrize("name", ["lasagne", "clemkoa", "pytorch-ntm-2017"])
def test_a_read_is_the_sum_of_what_was_written(name: str) -> None:
    model = wired_models.make(name)
    trace = Trace.record(model, np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32))
    signature = model.signature
    assert signature.written is not None
    for step in (0, 4):
        found = provenance(
            {name: trace[name] for name in NEEDED},
            step,
            written=signature.written,
            reads_see=signature.reads_see,
        )
        np.testing.assert_allclose(found.read, trace["reads"][step, 0], atol=1e-4)
        assert sum(part.share for part in found.parts) == pytest.approx(1)


def test_reads_that_see_some_of_their_steps_writes_are_no_such_sum() -> None:
    assert wired_models.make("pairs").signature.written is None
    one_pair = wired_models.make("pairs", num_reads=1, num_writes=1)
    assert one_pair.signature.written is not None
