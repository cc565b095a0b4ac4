"""The model against the reference: outputs, stages, state, gradients; and what its API promises."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm import NTM, NTMConfig
from ntm.model import NTMState, StepRecord
from tests import reference

SIZES: dict[str, Any] = {
    "input_size": 3,
    "output_size": 2,
    "controller_size": 7,
    "N": 5,
    "M": 4,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "feedforward": {"controller": "feedforward"},
    "several heads": {"num_reads": 3, "num_writes": 2},
    "several heads, feedforward": {
        "num_reads": 2,
        "num_writes": 3,
        "controller": "feedforward",
    },
    "five shifts": {"shift_range": 5, "N": 11},
    "one slot": {"N": 1, "num_writes": 2},
    "two slots": {"N": 2, "num_reads": 2},
    "more shifts than slots": {"N": 2, "shift_range": 5},
    "all sizes one": {"input_size": 1, "output_size": 1, "controller_size": 1, "N": 3, "M": 1},
    "odd sizes": {"input_size": 7, "output_size": 5, "controller_size": 13, "N": 9, "M": 3},
    "learned memory": {"initial_memory": "learned"},
    "identity output": {"output": "identity"},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())


def make(
    seed: int = 0, scale: float = 3.0, dtype: torch.dtype = torch.float64, **sizes: Any
) -> NTM:
    """A random model whose heads are opinionated: weights `scale` times the usual."""
    torch.manual_seed(seed)
    model = NTM(**{**SIZES, **sizes})
    with torch.no_grad():
        model.heads.linear.weight.mul_(scale)
        model.heads.linear.bias.mul_(scale)
    return model.to(dtype)


def draw(model: NTM, steps: int = 6, batch: int = 3, seed: int = 1) -> torch.Tensor:
    """A random sequence [T, B, I] of the model's type."""
    shape = (steps, batch, model.config.input_size)
    numbers = np.random.default_rng(seed).normal(size=shape)
    return torch.from_numpy(numbers).to(model.output.weight.dtype)


def weights_of(model: NTM) -> reference.Weights:
    """The checkpoint's tensors in float64."""
    return {name: t.detach().double().numpy() for name, t in model.state_dict().items()}


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


def test_the_weights_of_one_number_of_slots_fit_every_other() -> None:
    trained, served = make(seed=3, N=4), make(seed=4, N=9)
    served.load_state_dict(trained.state_dict())
    sequence = draw(trained)
    assert torch.equal(
        trained.unroll(sequence, memory_slots=9).outputs, served.unroll(sequence).outputs
    )


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
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_the_example_of_the_readme_works_as_written() -> None:
    model = NTM(
        input_size=5, output_size=5, controller_size=32, N=16, M=8, num_reads=1, num_writes=1
    )
    x = torch.rand(2, 5)
    output, state = model(x, None)
    assert output.shape == (2, 5)
    output, state = model(x, state)
    assert state.memory.shape == (2, 16, 8)
    assert state.read_weightings.shape == state.write_weightings.shape == (2, 1, 16)
    assert state.reads.shape == (2, 1, 8)
    assert [tuple(t.shape) for t in state.controller] == [(2, 32), (2, 32)]


def test_a_model_takes_a_config_or_its_fields_but_not_both() -> None:
    config = NTMConfig(**SIZES)
    assert NTM(config).config == NTM(**SIZES).config
    with pytest.raises(TypeError, match="not both"):
        NTM(config, N=4)


def test_a_sequence_starts_on_slot_0_of_a_constant_memory_that_the_heads_have_read() -> None:
    state = make(num_reads=2, num_writes=3).initial_state(2, memory_slots=6)
    assert torch.equal(state.memory, torch.full((2, 6, 4), 1e-6, dtype=torch.float64))
    assert torch.equal(state.reads, torch.full((2, 2, 4), 1e-6, dtype=torch.float64))
    for weightings, heads in ((state.read_weightings, 2), (state.write_weightings, 3)):
        assert weightings.shape == (2, heads, 6)
        assert (weightings[..., 0] == 1).all()
        assert (weightings[..., 1:] == 0).all()
    assert all((t == 0).all() for t in state.controller)


def tensors(state: NTMState) -> list[torch.Tensor]:
    """All tensors of a state, flat."""
    return [*state[:-1], *state.controller]


@every_variant
def test_one_step_depends_on_nothing_but_its_input_and_state(variant: dict[str, Any]) -> None:
    model = make(**variant)
    x, other = draw(model, steps=2)
    _, state = model(other)
    before = [t.clone() for t in tensors(state)]
    first, after = model(x, state)
    model(other, after)
    second, again = model(x, state)
    assert torch.equal(first, second)
    assert all(map(torch.equal, tensors(after), tensors(again)))
    assert all(map(torch.equal, tensors(state), before)), "a step must not change its state"


def test_a_sequence_in_two_pieces_gives_the_same_bits_as_in_one() -> None:
    model = make(dtype=torch.float32)
    sequence = draw(model, steps=9)
    whole = model.unroll(sequence)
    first = model.unroll(sequence[:4])
    second = model.unroll(sequence[4:], first.state)
    assert torch.equal(whole.outputs, torch.cat((first.outputs, second.outputs)))
    assert all(map(torch.equal, tensors(whole.state), tensors(second.state)))


def test_stepping_unrolling_and_logits_give_the_same_outputs() -> None:
    model = make(dtype=torch.float32)
    sequence, state, stepped = draw(model), None, []
    for x in sequence:
        output, state = model(x, state)
        stepped.append(output)
    assert torch.equal(model.unroll(sequence).outputs, torch.stack(stepped))
    assert torch.equal(torch.sigmoid(model.logits(sequence)), torch.stack(stepped))
    assert model.unroll(sequence).record is None


@every_variant
def test_a_row_of_a_batch_does_not_see_its_neighbours(variant: dict[str, Any]) -> None:
    model = make(**variant)
    sequence = draw(model)
    changed = sequence.clone()
    changed[:, 1] += 1
    ours, theirs = model.unroll(sequence).outputs, model.unroll(changed).outputs
    assert torch.equal(ours[:, [0, 2]], theirs[:, [0, 2]])
    assert not torch.equal(ours[:, 1], theirs[:, 1])
    alone = model.unroll(sequence[:, 0]).outputs
    torch.testing.assert_close(alone[:, 0], ours[:, 0], rtol=0, atol=1e-12)


def test_no_parameter_depends_on_the_number_of_slots() -> None:
    small, large = make(N=2).state_dict(), make(N=100).state_dict()
    assert {n: t.shape for n, t in small.items()} == {n: t.shape for n, t in large.items()}


def test_a_learned_initial_memory_refuses_another_number_of_slots() -> None:
    model = make(initial_memory="learned")
    assert model.initial_state(2, memory_slots=5).memory.shape == (2, 5, 4)
    with pytest.raises(ValueError, match=r"only with memory_slots=5, got 6"):
        model.unroll(draw(model), memory_slots=6)


def test_no_slots_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="memory_slots must be at least 1, got 0"):
        make().initial_state(1, memory_slots=0)


PINNED = ("key", "key_strength", "gate", "shift", "sharpening", "weighting", "erase", "add")


@pytest.mark.parametrize("stage", PINNED)
def test_a_pinned_stage_is_used_in_place_of_the_models_own(stage: str) -> None:
    model = make()
    x = draw(model)[0]
    state = model.unroll(draw(model)).state
    free = model.step(x, state)[2]
    pinned = torch.roll(getattr(free, stage), 1, dims=-1) * 0.5

    def pin(name: str, value: torch.Tensor) -> torch.Tensor:
        return pinned if name == stage else value

    _, after, record = model.step(x, state, pin)
    assert torch.equal(getattr(record, stage), pinned)
    assert not torch.equal(after.memory, model.step(x, state)[1].memory)


def test_a_record_names_every_stage_of_the_paper() -> None:
    model = make(num_reads=2)
    record = model.unroll(draw(model), record="addressing").record
    assert isinstance(record, StepRecord)
    assert record.weighting.shape == (6, 3, 3, 5)
    assert record.erase.shape == record.add.shape == (6, 3, 1, 4)


@pytest.mark.parametrize("controller", ["lstm", "feedforward"])
def test_ten_thousand_steps_neither_overflow_nor_drift(controller: str) -> None:
    model = make(scale=20, dtype=torch.float32, controller=controller, num_reads=2)
    state = None
    with torch.inference_mode():
        for chunk in draw(model, steps=10_000, batch=2).split(1000):
            outputs, state, record = model.unroll(chunk, state, record="addressing")
            assert all(bool(torch.isfinite(stage).all()) for stage in (outputs, *record))
            assert_weighting(record.content_weighting)
            assert_weighting(record.gated_weighting)
            assert_weighting(record.shifted_weighting)
            assert_weighting(record.weighting)


def assert_weighting(weighting: torch.Tensor) -> None:
    """Nowhere negative, and every sum is 1 to 1e-5."""
    assert weighting.min() >= 0
    assert (weighting.sum(-1) - 1).abs().max() < 1e-5
