"""States of all architectures: detached, kept in a file, and of rows that end at their own step."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ntm.architectures import catalogue
from ntm.repository import checkpoint
from ntm.repository.folders import RepositoryError

SMALL: dict[str, dict[str, Any]] = {
    "ntm/1": {"controller_size": 4, "N": 5, "M": 3, "num_reads": 2},
    "dnc/1": {"controller_size": 4, "N": 5, "W": 3},
    "lstm/1": {"size": 4, "layers": 2},
    "memory-network/1": {"d": 4, "N": 5, "hops": 2},
    "transformer/1": {"width": 4, "heads": 2, "layers": 2, "N": 16},
}


@pytest.fixture(params=SMALL)
def model(request: pytest.FixtureRequest) -> Any:
    """A random model of one architecture."""
    return make(request.param)


def make(name: str) -> Any:
    torch.manual_seed(1)
    known = catalogue.find(name)
    sizes = {"input_size": 3, "output_size": 2, **SMALL[name]}
    return known.model_class(known.config_class(architecture=name, **sizes)).eval()


def sequence_of(steps: int = 7, batch: int = 3) -> torch.Tensor:
    return torch.rand(steps, batch, 3, generator=torch.Generator().manual_seed(2)).round()


def tensors(model: Any, state: Any) -> dict[str, torch.Tensor]:
    told: dict[str, torch.Tensor] = model.named_state(state)
    return told


def assert_equal(model: Any, state: Any, other: Any) -> None:
    """The same tensors, bit for bit."""
    ours, theirs = tensors(model, state), tensors(model, other)
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


def test_a_detached_state_has_the_same_values_and_no_history(model: Any) -> None:
    state = model.unroll(sequence_of()).state
    free = state.detach()
    assert type(free) is type(state)
    assert_equal(model, free, state)
    assert any(value.requires_grad for value in tensors(model, state).values())
    assert not any(value.requires_grad for value in tensors(model, free).values())
    later = model.unroll(sequence_of(), free)
    later.outputs.sum().backward()  # does not reach what came before
    assert any(p.grad is not None for p in model.parameters())


def test_a_state_goes_on_from_its_file_bit_for_bit(model: Any, tmp_path: Path) -> None:
    sequence = sequence_of()
    with torch.no_grad():
        state = model.unroll(sequence[:4]).state
        checkpoint.save_state(tmp_path / "state.safetensors", model, state)
        read = checkpoint.load_state(tmp_path / "state.safetensors", model)
        assert_equal(model, read, state)
        again = model.unroll(sequence[4:], read)
        assert torch.equal(again.outputs, model.unroll(sequence[4:], state).outputs)


def test_a_state_of_another_kind_or_size_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.safetensors"
    ntm, lstm = make("ntm/1"), make("lstm/1")
    checkpoint.save_state(file, lstm, lstm.initial_state(2))
    with pytest.raises(RepositoryError, match=r"holds cell, hidden, but this model's state is"):
        checkpoint.load_state(file, ntm)
    wide = make("lstm/1")
    wide.config = wide.config.model_copy(update={"size": 9})
    with pytest.raises(RepositoryError, match=r"tensor hidden has shape \[2, 2, 4\], this model"):
        checkpoint.load_state(file, wide)


def test_rows_that_end_earlier_are_as_if_they_were_alone(model: Any) -> None:
    sequence, lengths = sequence_of(), (4, 7, 1)
    with torch.no_grad():
        whole = model.unroll(sequence, lengths=lengths)
        for row, end in enumerate(lengths):
            alone = model.unroll(sequence[:end, row : row + 1])
            torch.testing.assert_close(whole.outputs[:end, row], alone.outputs[:, 0])
            assert not whole.outputs[end:, row].any()
            for name, value in tensors(model, alone.state).items():
                torch.testing.assert_close(tensors(model, whole.state)[name][row], value[0])


@pytest.mark.parametrize("lengths", [(4, 7), (4, 8, 1), (0, 7, 1), (1.5, 2.0, 3.0)])
def test_lengths_that_do_not_fit_are_refused(lengths: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="lengths should be"):
        make("lstm/1").unroll(sequence_of(), lengths=lengths)


def test_batch_first_is_the_same_with_axes_swapped(model: Any) -> None:
    sequence = sequence_of()
    with torch.no_grad():
        first = model.unroll(sequence, record="addressing")
        swapped = model.unroll(sequence.transpose(0, 1), record="addressing", batch_first=True)
        alone = model.unroll(sequence[:, 0], batch_first=True)
    assert torch.equal(swapped.outputs, first.outputs.transpose(0, 1))
    assert alone.outputs.shape == (1, 7, 2)
    for record, other in zip(stages(first.record), stages(swapped.record), strict=True):
        assert torch.equal(other, record.transpose(0, 1))


def stages(record: Any) -> list[torch.Tensor]:
    return list(record.values()) if isinstance(record, dict) else list(record)
