"""What the model promises beyond the equations: explicit state, any N, records, pins, stability."""

from typing import Any

import pytest
import torch

from ntm import NTM, NTMConfig
from ntm.architectures.ntm.model import NTMState, StepRecord
from tests.random_models import SIZES, draw, every_variant, make


def test_the_weights_of_one_number_of_slots_fit_every_other() -> None:
    trained, served = make(seed=3, N=4), make(seed=4, N=9)
    served.load_state_dict(trained.state_dict())
    sequence = draw(trained)
    assert torch.equal(
        trained.unroll(sequence, memory_slots=9).outputs, served.unroll(sequence).outputs
    )


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
    at_once = torch.sigmoid(model.logits(sequence))  # another vector width rounds otherwise
    torch.testing.assert_close(at_once, torch.stack(stepped), rtol=0, atol=1e-6)
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
