"""A model on disk comes back the same; every damage to its tensors is told by file and cause."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ntm import NTM
from ntm.repository import checkpoint
from ntm.repository.folders import RepositoryError, VersionFolder
from ntm.tasks import Copy

Tensors = dict[str, torch.Tensor]
TASK = Copy(bits=2)


def make(**sizes: object) -> NTM:
    """A small model for the task."""
    return NTM(**{"input_size": 4, "output_size": 2, "controller_size": 5, "N": 6, "M": 3, **sizes})


@pytest.fixture
def saved(tmp_path: Path) -> VersionFolder:
    """A model that has just been saved."""
    return checkpoint.save(tmp_path / "copy" / "1", make(), TASK, {"seed": 1})


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"controller": "feedforward", "num_reads": 2, "num_writes": 3},
        {"shift_range": 5, "output": "identity"},
        {"initial_memory": "learned"},
    ],
)
def test_a_saved_model_comes_back_bit_for_bit(tmp_path: Path, sizes: dict[str, object]) -> None:
    model = make(**sizes)
    saved = checkpoint.save(tmp_path / "copy" / "3", model, TASK, {"seed": 7})
    loaded = checkpoint.load(saved)
    assert loaded.config == model.config
    assert not loaded.training
    sequence = torch.rand(5, 2, 4)
    assert torch.equal(model.unroll(sequence).outputs, loaded.unroll(sequence).outputs)
    description = saved.description()
    assert description.make_task() == TASK
    assert description.training == {"seed": 7}
    assert description.architecture == "ntm/1"


def test_saving_twice_writes_the_same_bytes(saved: VersionFolder, tmp_path: Path) -> None:
    again = checkpoint.save(tmp_path / "again" / "1", checkpoint.load(saved), TASK, {"seed": 1})
    assert again.checkpoint.read_bytes() == saved.checkpoint.read_bytes()
    assert again.config.read_bytes() == saved.config.read_bytes()


def assert_refused(saved: VersionFolder, told: str) -> None:
    """Loading fails with one line that starts with the checkpoint's path."""
    with pytest.raises(RepositoryError, match=f"^{re.escape(str(saved.checkpoint))}.*{told}"):
        checkpoint.load(saved)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: b"",
        lambda whole: whole[:5],
        lambda whole: whole[:100],
        lambda whole: whole[:-1],
        lambda whole: whole + b"x",
        lambda whole: b"\x80\x04\x95" + whole,
        lambda whole: b"PK\x03\x04 a pickle of another project" * 9,
        lambda whole: bytes(len(whole)),
    ],
    ids=["empty", "5 bytes", "in the header", "a byte less", "a byte more", "shifted", "zip", "0"],
)
def test_a_file_that_is_no_whole_safetensors_file_is_refused(
    saved: VersionFolder, spoil: Callable[[bytes], bytes]
) -> None:
    saved.checkpoint.write_bytes(spoil(saved.checkpoint.read_bytes()))
    assert_refused(saved, "is not a whole safetensors file")


def test_a_missing_file_is_refused(saved: VersionFolder) -> None:
    saved.checkpoint.unlink()
    assert_refused(saved, "is missing")


def test_a_folder_in_place_of_the_file_is_refused(saved: VersionFolder) -> None:
    saved.checkpoint.unlink()
    saved.checkpoint.mkdir()
    assert_refused(saved, "is not a whole safetensors file")


def without(tensors: Tensors, name: str) -> Tensors:
    """All tensors but one."""
    return {n: t for n, t in tensors.items() if n != name}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda t: without(t, "heads.linear.bias"), "tensor heads.linear.bias is missing"),
        (
            lambda t: {**t, "output.bias": torch.zeros(3)},
            r"tensor output.bias has shape \[3\], config.json asks for \[2\]",
        ),
        (
            lambda t: {**t, "output.weight": t["output.weight"].T.contiguous()},
            r"output.weight has shape \[8, 2\], config.json asks for \[2, 8\]",
        ),
        (
            lambda t: {**t, "output.bias": torch.tensor([0.0, float("nan")])},
            "tensor output.bias holds NaN or infinity",
        ),
        (
            lambda t: {**t, "output.bias": torch.tensor([0.0, float("-inf")])},
            "tensor output.bias holds NaN or infinity",
        ),
        (
            lambda t: {**t, "output.bias": torch.tensor([0.0, 1e300], dtype=torch.float64)},
            "tensor output.bias holds NaN or infinity",
        ),
        (
            lambda t: {**t, "output.bias": torch.zeros(2, dtype=torch.int32)},
            "tensor output.bias holds torch.int32, expected torch.float32",
        ),
        (lambda t: {**t, "read_heads.0": torch.zeros(2)}, "tensor read_heads.0 is not part of"),
    ],
    ids=["missing", "shape", "transposed", "NaN", "infinity", "overflow", "integers", "stranger"],
)
def test_a_tensor_that_does_not_belong_to_the_model_is_refused(
    saved: VersionFolder, spoil: Callable[[Tensors], Tensors], told: str
) -> None:
    save_file(spoil(load_file(saved.checkpoint)), saved.checkpoint)
    assert_refused(saved, told)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.float8_e4m3fn])
def test_tensors_of_another_float_type_are_converted(
    saved: VersionFolder, dtype: torch.dtype
) -> None:
    tensors = {name: t.to(dtype) for name, t in load_file(saved.checkpoint).items()}
    save_file(tensors, saved.checkpoint)
    loaded = checkpoint.load(saved).state_dict()
    assert all(torch.equal(loaded[name], t.to(torch.float32)) for name, t in tensors.items())


def test_a_checkpoint_of_other_sizes_than_its_config_is_refused(
    saved: VersionFolder, tmp_path: Path
) -> None:
    other = checkpoint.save(tmp_path / "other" / "1", make(M=4), TASK, {})
    saved.checkpoint.write_bytes(other.checkpoint.read_bytes())
    assert_refused(saved, r"has shape .* config.json asks for")


def test_a_checkpoint_says_its_architecture(saved: VersionFolder) -> None:
    from safetensors import safe_open

    with safe_open(saved.checkpoint, framework="pt") as file:
        assert file.metadata() == {"architecture": "ntm/1"}
