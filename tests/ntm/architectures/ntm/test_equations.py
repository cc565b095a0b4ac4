"""Outputs, every stage of every head, state and gradients against the reference."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm import NTM
from ntm.architectures.ntm.model import NTMState
from tests import reference
from tests.random_models import VARIANTS, draw, every_variant, make, weights_of


def run_reference(model: NTM, sequence: torch.Tensor, slots: int) -> list[list[reference.Step]]:
    """The reference's steps for every sequence of the batch."""
    rows = sequence.double().numpy().swapaxes(0, 1)
    return [reference.run(model.config, weights_of(model), row, slots) for row in rows]


def assert_agrees(model: NTM, tolerance: float, slots: int | None = None) -> None:
    """Outputs, every stage and the last state agree with the reference, shapes included."""
    sequence, slots = draw(model), slots or model.config.N
    with torch.no_grad():
        outputs, state, record = model.unroll(sequence, record="addressing", memory_slots=slots)
    assert record is not None
    for b, steps in enumerate(run_reference(model, sequence, slots)):
        close(outputs[:, b], [s.output for s in steps], tolerance, "output")
        for stage, values in record._asdict().items():
            close(values[:, b], [s.stages[stage] for s in steps], tolerance, stage)
        assert_state_agrees(state, b, steps[-1].state, tolerance)


def assert_state_agrees(
    state: NTMState, row: int, expected: reference.State, tolerance: float
) -> None:
    """One row of a state agrees with the reference's."""
    weightings = torch.cat((state.read_weightings, state.write_weightings), dim=1)
    close(state.memory[row], expected.memory, tolerance, "memory")
    close(weightings[row], expected.weightings, tolerance, "weightings")
    close(state.reads[row], expected.reads, tolerance, "reads")
    for ours, theirs in zip(state.controller, expected.controller, strict=True):
        close(ours[row], theirs, tolerance, "controller")


def close(ours: torch.Tensor, theirs: Any, tolerance: float, what: str) -> None:
    """Same shape, same numbers."""
    theirs = np.asarray(theirs)
    assert tuple(ours.shape) == theirs.shape, what
    np.testing.assert_allclose(ours.double().numpy(), theirs, 0, tolerance, err_msg=what)


@every_variant
def test_every_stage_agrees_with_the_reference_in_float64(variant: dict[str, Any]) -> None:
    assert_agrees(make(**variant), 1e-12)


@every_variant
def test_every_stage_agrees_with_the_reference_in_float32(variant: dict[str, Any]) -> None:
    assert_agrees(make(dtype=torch.float32, **variant), 2e-5)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    scale=st.floats(0.1, 8),
    variant=st.fixed_dictionaries(
        {
            "controller": st.sampled_from(["lstm", "feedforward"]),
            "controller_size": st.integers(1, 9),
            "N": st.integers(1, 9),
            "M": st.integers(1, 6),
            "num_reads": st.integers(1, 3),
            "num_writes": st.integers(1, 3),
            "shift_range": st.sampled_from([3, 5, 7]),
            "initial_memory": st.sampled_from(["constant", "learned"]),
        }
    ),
)
def test_any_sizes_and_weights_agree_with_the_reference(
    seed: int, scale: float, variant: dict[str, Any]
) -> None:
    assert_agrees(make(seed, scale, **variant), 1e-8)


@pytest.mark.parametrize("slots", [1, 2, 3, 17])
@pytest.mark.parametrize("variant", ["lstm", "feedforward", "five shifts"])
def test_a_model_runs_with_any_number_of_slots(variant: str, slots: int) -> None:
    assert_agrees(make(**VARIANTS[variant]), 1e-12, slots)


def loss(outputs: Any, coefficients: Any) -> Any:
    """A smooth number that every output at every step moves."""
    return (outputs * coefficients).sum()


def reference_loss(
    model: NTM, weights: reference.Weights, sequence: np.ndarray, coefficients: np.ndarray
) -> float:
    """The same number from the reference, for a batch of one."""
    steps = reference.run(model.config, weights, sequence[:, 0], model.config.N)
    return float(loss(np.array([s.output for s in steps]), coefficients[:, 0]))


def slope(measure: Any, around: np.ndarray, direction: np.ndarray, by: float = 1e-6) -> float:
    """The central finite difference of `measure` at `around` along `direction`."""
    return (measure(around + by * direction) - measure(around - by * direction)) / (2 * by)


@pytest.mark.parametrize(
    "variant", ["lstm", "several heads, feedforward", "five shifts", "one slot", "learned memory"]
)
def test_gradients_agree_with_finite_differences_of_the_reference(variant: str) -> None:
    model, rng = make(scale=1.5, **VARIANTS[variant]), np.random.default_rng(5)
    sequence = draw(model, steps=5, batch=1).requires_grad_()
    coefficients = rng.normal(size=(5, 1, model.config.output_size))
    loss(model.unroll(sequence).outputs, torch.from_numpy(coefficients)).backward()
    weights, x = weights_of(model), sequence.detach().numpy()
    for name, parameter in model.named_parameters():
        direction = rng.normal(size=parameter.shape)
        expected = slope(
            lambda moved, name=name: reference_loss(
                model, {**weights, name: moved}, x, coefficients
            ),
            weights[name],
            direction,
        )
        ours = float((parameter.grad.numpy() * direction).sum())
        assert ours == pytest.approx(expected, rel=1e-5, abs=1e-8), name
    direction = rng.normal(size=x.shape)
    expected = slope(
        lambda moved: reference_loss(model, weights, moved, coefficients), x, direction
    )
    assert float((sequence.grad.numpy() * direction).sum()) == pytest.approx(expected, rel=1e-5)


def test_gradients_of_a_long_sequence_over_untouched_memory_are_finite() -> None:
    model = make(dtype=torch.float32, N=64, M=1)
    model.unroll(draw(model, steps=200)).outputs.sum().backward()
    for name, parameter in model.named_parameters():
        assert bool(torch.isfinite(parameter.grad).all()), name
        assert parameter.grad.abs().sum() > 0, name
