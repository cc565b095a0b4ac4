"""The four stages of addressing: closed forms, and properties that hold for all arguments."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from ntm import NTMMemory
from ntm.architectures.ntm.addressing import (
    content_weighting,
    convolve,
    cosine_similarity,
    interpolate,
    sharpen,
)
from tests import reference
from tests.drawing import addressings, sizes, tensors, weightings

ORTHOGONAL = torch.tensor([[[3.0, 0.0], [0.0, 0.5], [-2.0, 0.0]]])  # [1, 3, 2]


def one_hot(slot: int, slots: int) -> torch.Tensor:
    """A weighting [1, 1, N] on one slot."""
    return torch.eye(slots)[slot].reshape(1, 1, slots)


def scalar(value: float) -> torch.Tensor:
    """One number for one head, [1, 1, 1]."""
    return torch.full((1, 1, 1), value)


def assert_weighting(weighting: torch.Tensor) -> None:
    """Nowhere negative or NaN, and every sum is 1 to 1e-5."""
    assert bool((weighting >= 0).all())
    assert bool(((weighting.sum(-1) - 1).abs() < 1e-5).all())


@given(addressings())
def test_every_stage_is_a_weighting_however_extreme_the_arguments(
    arguments: dict[str, torch.Tensor],
) -> None:
    _, slots, width = arguments["memory"].shape
    stages = NTMMemory(slots, width).address(**arguments)
    for stage in stages:
        assert stage.shape == arguments["previous"].shape
        assert_weighting(stage)


def test_the_cosine_of_parallel_orthogonal_and_opposite_vectors_is_1_0_and_minus_1() -> None:
    key = torch.tensor([[[7.0, 0.0]]])
    assert_close(cosine_similarity(ORTHOGONAL, key), torch.tensor([[[1.0, 0.0, -1.0]]]))


@given(tensors(-1, 1, 1, 4, 3), tensors(-1, 1, 1, 2, 3))
def test_the_cosine_is_that_of_the_reference(memory: torch.Tensor, key: torch.Tensor) -> None:
    ours = cosine_similarity(memory.double(), key.double())[0].numpy()
    for head, slot in np.ndindex(ours.shape):
        u, v = key[0, head].double().numpy(), memory[0, slot].double().numpy()
        if min(np.linalg.norm(u), np.linalg.norm(v)) > 1e-8:
            assert ours[head, slot] == pytest.approx(reference.cosine(u, v), abs=1e-12)


@given(tensors(-1, 1, 1, 4, 3), tensors(-1, 1, 1, 2, 3), st.floats(1e-3, 1e3))
def test_the_cosine_is_blind_to_the_length_of_the_key_and_of_the_slots(
    memory: torch.Tensor, key: torch.Tensor, factor: float
) -> None:
    memory, key = memory.round(decimals=3).double(), key.round(decimals=3).double()
    once = cosine_similarity(memory, key)
    assert_close(cosine_similarity(memory, key * factor), once)
    assert_close(cosine_similarity(memory * factor, key), once)


@pytest.mark.parametrize("key", [0.0, 1.0])
@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_a_zero_key_or_a_zero_memory_looks_everywhere_alike(key: float, memory: float) -> None:
    slots = torch.full((1, 4, 3), memory, requires_grad=True)
    asked = torch.full((1, 1, 3), key, requires_grad=True)
    weighting = content_weighting(slots, asked, scalar(50.0))
    assert_close(weighting, torch.full((1, 1, 4), 0.25))
    weighting[0, 0, 0].backward()
    assert torch.isfinite(slots.grad).all()
    assert torch.isfinite(asked.grad).all()


def test_the_untouched_memory_of_a_new_sequence_is_no_zero_vector_to_the_cosine() -> None:
    memory = NTMMemory(N=2, M=1).initial(1)
    assert_close(cosine_similarity(memory, torch.tensor([[[0.3]]])), torch.ones(1, 1, 2))


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, 4.0])
def test_content_weighting_is_the_softmax_of_strength_times_cosine(strength: float) -> None:
    weighting = content_weighting(ORTHOGONAL, torch.tensor([[[1.0, 0.0]]]), scalar(strength))
    raised = torch.tensor([math.exp(strength), 1.0, math.exp(-strength)])
    assert_close(weighting[0, 0], raised / raised.sum())


def test_a_great_strength_finds_the_slot_most_like_the_key() -> None:
    weighting = content_weighting(ORTHOGONAL, torch.tensor([[[0.1, 0.9]]]), scalar(1e6))
    assert_close(weighting, one_hot(1, 3))


@given(weightings(2, 3, 5), weightings(2, 3, 5), tensors(0, 1, 2, 3, 1))
def test_the_gate_blends_content_and_last_weighting(
    content: torch.Tensor, previous: torch.Tensor, gate: torch.Tensor
) -> None:
    expected = gate.double() * content.double() + (1 - gate.double()) * previous.double()
    assert_close(interpolate(content, previous, gate).double(), expected, rtol=0, atol=1e-6)
    assert_close(interpolate(content, previous, torch.ones_like(gate)), content)
    assert torch.equal(interpolate(content, previous, torch.zeros_like(gate)), previous)


@given(st.data())
def test_a_one_hot_shift_is_a_roll(data: st.DataObject) -> None:
    size = data.draw(sizes("B", "H", "N"))
    taps = data.draw(st.sampled_from([3, 5, 7]))
    tap = data.draw(st.integers(0, taps - 1))
    gated = data.draw(weightings(*size.values()))
    shift = torch.eye(taps)[tap].expand(*gated.shape[:2], -1)
    expected = np.roll(gated.numpy(), tap - taps // 2, axis=-1)
    assert np.array_equal(convolve(gated, shift).numpy(), expected)


@pytest.mark.parametrize("slot", range(4))
@pytest.mark.parametrize(("tap", "by"), [(0, -1), (1, 0), (2, 1)])
def test_the_three_shifts_move_the_focus_by_minus_1_0_and_plus_1_and_wrap(
    slot: int, tap: int, by: int
) -> None:
    shift = torch.eye(3)[tap].reshape(1, 1, 3)
    assert torch.equal(convolve(one_hot(slot, 4), shift), one_hot((slot + by) % 4, 4))


def test_a_soft_shift_spreads_the_focus_over_its_neighbours() -> None:
    shift = torch.tensor([[[0.1, 0.7, 0.2]]])
    spread = torch.tensor([[[0.7, 0.2, 0.0, 0.0, 0.1]]])
    assert_close(convolve(one_hot(0, 5), shift), spread)


@given(weightings(1, 1, 5), weightings(1, 1, 5))
def test_the_convolution_is_that_of_the_reference(gated: torch.Tensor, shift: torch.Tensor) -> None:
    expected = reference.convolve(gated[0, 0].double().numpy(), shift[0, 0].double().numpy())
    np.testing.assert_allclose(convolve(gated, shift)[0, 0].numpy(), expected, 0, 1e-6)


@given(weightings(2, 2, 6))
def test_sharpening_by_1_changes_nothing(shifted: torch.Tensor) -> None:
    assert_close(sharpen(shifted, torch.ones(2, 2, 1)), shifted, rtol=1e-5, atol=1e-6)


def test_sharpening_by_2_squares_and_normalises() -> None:
    sharpened = sharpen(torch.tensor([[[0.6, 0.4, 0.0]]]), scalar(2.0))
    assert_close(sharpened, torch.tensor([[[0.36, 0.16, 0.0]]]) / 0.52)


@given(weightings(1, 1, 5), st.floats(1, 20))
def test_sharpening_is_that_of_the_reference(shifted: torch.Tensor, sharpening: float) -> None:
    exact = shifted.double()
    ours = sharpen(exact, scalar(sharpening).double())[0, 0].numpy()
    expected = reference.sharpen(exact[0, 0].numpy(), scalar(sharpening).double().item())
    np.testing.assert_allclose(ours, expected, 0, 1e-12)


@given(st.permutations([0.3, 0.25, 0.2, 0.15, 0.1]))
def test_ever_more_sharpening_approaches_one_hot(shifted: list[float]) -> None:
    weighting = torch.tensor(shifted).reshape(1, 1, 5)
    peaks = [float(sharpen(weighting, scalar(by)).max()) for by in (1.0, 2.0, 5.0, 20.0)]
    assert peaks == sorted(peaks)
    largest = shifted.index(0.3)
    assert_close(sharpen(weighting, scalar(100.0)), one_hot(largest, 5), rtol=0, atol=1e-7)


@pytest.mark.parametrize("slots", [1, 1024, 16384])
def test_sharpening_a_diffuse_weighting_by_100_does_not_underflow(slots: int) -> None:
    diffuse = torch.full((1, 1, slots), 1 / slots, requires_grad=True)
    sharpened = sharpen(diffuse, scalar(100.0))
    assert_close(sharpened, diffuse)
    sharpened[0, 0, 0].backward()
    assert torch.isfinite(diffuse.grad).all()


def test_sharpening_a_one_hot_weighting_has_finite_gradients() -> None:
    focused = one_hot(1, 4).requires_grad_()
    sharpened = sharpen(focused, scalar(100.0))
    assert torch.equal(sharpened.detach(), one_hot(1, 4))
    sharpened[0, 0, 1].backward()
    assert torch.isfinite(focused.grad).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_memory_of_zeros_has_no_nan_in_any_precision(dtype: torch.dtype) -> None:
    zeros = torch.zeros(1, 4, 3, dtype=dtype)
    key = torch.zeros(1, 1, 3, dtype=dtype)
    weighting = content_weighting(zeros, key, torch.ones(1, 1, 1, dtype=dtype))
    assert torch.equal(weighting, torch.full((1, 1, 4), 0.25, dtype=dtype))
    nothing = sharpen(torch.zeros(1, 1, 4, dtype=dtype), torch.ones(1, 1, 1, dtype=dtype))
    assert torch.isfinite(nothing).all()
