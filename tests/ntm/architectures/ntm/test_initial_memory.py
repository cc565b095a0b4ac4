"""M_0 of the three kinds, against the formula written out in NumPy."""

import numpy as np
import pytest
import torch

from ntm import NTM

SIZES = {"input_size": 3, "output_size": 2, "controller_size": 8, "M": 5, "num_reads": 2}


def test_constant_memory_is_1e_minus_6_everywhere():
    state = NTM(**SIZES, N=4).initial_state(2)
    assert state.memory.shape == (2, 4, 5)
    assert (state.memory == 1e-6).all()


@pytest.mark.parametrize("slots", [1, 4, 7, 128])
def test_positional_memory_is_a_linear_map_of_the_slots_place_on_the_circle(slots):
    model = NTM(**SIZES, N=16, initial_memory="positional")
    code = model.state_dict()["position_code"].numpy()
    assert code.shape == (7, 5)
    expected = np.array(
        [
            [1.0]
            + [np.cos(2 * np.pi * k * n / slots) for k in (1, 2, 3)]
            + [np.sin(2 * np.pi * k * n / slots) for k in (1, 2, 3)]
            for n in range(slots)
        ]
    )
    state = model.initial_state(3, slots)
    for memory in state.memory.detach().numpy():
        np.testing.assert_allclose(memory, expected @ code, atol=1e-6)
    for read in range(2):
        np.testing.assert_array_equal(
            state.reads[:, read].detach().numpy(), state.memory[:, 0].detach().numpy()
        )


def test_positional_memory_runs_with_any_number_of_slots_and_learns():
    model = NTM(**SIZES, N=16, initial_memory="positional")
    sequence = torch.zeros(3, 1, 3)
    assert model.unroll(sequence, memory_slots=50).state.memory.shape == (1, 50, 5)
    model.logits(sequence).sum().backward()
    assert model.position_code.grad.abs().sum() > 0


def test_learned_memory_refuses_another_number_of_slots():
    model = NTM(**SIZES, N=16, initial_memory="learned")
    with pytest.raises(ValueError, match="runs only with memory_slots=16, got 50"):
        model.initial_state(1, 50)
