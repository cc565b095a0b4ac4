"""Every project's file becomes a model that computes what that project's equations say."""

import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ntm.evaluation.card import training_told
from ntm.evaluation.reach import beyond_training
from ntm.foreign.converted import Converted
from ntm.foreign.fitting import fitting
from ntm.foreign.sources import describe, find
from ntm.foreign.write import write
from ntm.repository import checkpoint
from ntm.repository.folders import RepositoryError, VersionFolder
from ntm.tasks import Copy
from tests import foreign_projects as projects

STEPS = 7


def saved(path: Path, tensors: projects.Tensors, zipped: bool = True) -> Path:
    """A state dict as torch saves it; its numbers in float64, which a reader rounds."""
    loaded = {name: torch.from_numpy(np.asarray(value)) for name, value in tensors.items()}
    torch.save(loaded, path, _use_new_zipfile_serialization=zipped)
    return path


def rounded(value: Any) -> Any:
    """As a file in float32 holds it."""
    return np.asarray(value, np.float32).astype(np.float64)


def outputs_of(converted: Converted, sequence: projects.Array, slots: int | None = None) -> Any:
    """What the model says in float64."""
    from ntm.architectures import catalogue

    model = catalogue.of(converted.config).model_class(converted.config).double()
    weights = {n: torch.from_numpy(np.array(v, np.float64)) for n, v in converted.weights.items()}
    model.load_state_dict(weights)
    with torch.inference_mode():
        return model.eval().predict(torch.from_numpy(sequence)[:, None], slots)[:, 0].numpy()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


@pytest.fixture
def sequence(rng: np.random.Generator) -> projects.Array:
    return rng.normal(size=(STEPS, projects.INPUTS))


@pytest.mark.parametrize("pairs", [1, 2])
@pytest.mark.parametrize("name", ["pytorch-ntm", "pytorch-ntm-2017"])
def test_pytorch_ntm(
    tmp_path: Path, rng: np.random.Generator, sequence: projects.Array, name: str, pairs: int
) -> None:
    tensors = {k: rounded(v) for k, v in projects.pytorch_ntm(rng, pairs).items()}
    file = saved(tmp_path / "a.model", tensors, zipped=pairs == 1)
    expected = projects.run_pytorch_ntm(tensors, sequence, name.endswith("2017"))
    np.testing.assert_allclose(outputs_of(find(name).read(file), sequence), expected, atol=1e-9)


@pytest.mark.parametrize("feedforward", [False, True])
def test_clemkoa(
    tmp_path: Path, rng: np.random.Generator, sequence: projects.Array, feedforward: bool
) -> None:
    tensors = {k: rounded(v) for k, v in projects.clemkoa(rng, feedforward).items()}
    converted = find("clemkoa").read(saved(tmp_path / "a.pt", tensors))
    expected = projects.run_clemkoa(tensors, sequence)
    np.testing.assert_allclose(outputs_of(converted, sequence), expected, atol=1e-9)


def save_module(path: Path, tensors: projects.Tensors, zipped: bool) -> Path:
    """A module saved whole, with classes of the project's names, which are gone afterwards."""
    parts = {"ntm.ntm": "NTM", "ntm.modules.head": "NTMHead", "ntm.modules.memory": "NTMMemory"}
    classes = {}
    for place, name in parts.items():
        module = types.ModuleType(place)
        classes[name] = type(name, (torch.nn.Module,), {"__module__": place})
        setattr(module, name, classes[name])
        sys.modules[place] = module
    try:
        whole = built(tensors, classes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the classes have no source
            torch.save(whole, path, _use_new_zipfile_serialization=zipped)
    finally:
        for place in parts:
            del sys.modules[place]
    return path


def built(tensors: projects.Tensors, classes: dict[str, Any]) -> torch.nn.Module:
    """Modules in modules, with these parameters at their ends."""
    whole = classes["NTM"]()
    for name, value in tensors.items():
        *way, last = name.split(".")
        at = whole
        for depth, part in enumerate(way):
            if part not in at._modules:
                kind = "NTMHead" if way[0] == "heads" and depth == 1 else "NTMMemory"
                at.add_module(part, torch.nn.ModuleList() if part == "heads" else classes[kind]())
            at = at._modules[part]
        at.register_parameter(last, torch.nn.Parameter(torch.from_numpy(value).float()))
    return whole


@pytest.mark.parametrize(("zipped", "pairs"), [(False, 1), (True, 2)])
def test_vlgiitr(
    tmp_path: Path, rng: np.random.Generator, sequence: projects.Array, zipped: bool, pairs: int
) -> None:
    tensors = {k: rounded(v) for k, v in projects.vlgiitr(rng, pairs).items()}
    file = save_module(tmp_path / "a.pt", tensors, zipped)
    converted = find("vlgiitr").read(file)
    assert converted.notes == {"first_reads_seed": 1}
    reads = converted.weights["starts.reads"]
    assert np.abs(reads).max() < np.sqrt(6 / projects.WIDTH)
    expected = projects.run_vlgiitr(tensors, sequence, reads)
    np.testing.assert_allclose(outputs_of(converted, sequence), expected, atol=1e-9)
    plain = find("vlgiitr").read(saved(tmp_path / "b.pt", tensors))
    np.testing.assert_allclose(outputs_of(plain, sequence), expected, atol=1e-9)


@pytest.mark.parametrize(("recurrent", "reads"), [(False, 1), (True, 1), (False, 2)])
def test_lasagne(
    tmp_path: Path, rng: np.random.Generator, sequence: projects.Array, recurrent: bool, reads: int
) -> None:
    arrays = projects.lasagne(rng, recurrent, reads)
    listed = np.empty(len(arrays), object)
    listed[:] = arrays
    np.save(tmp_path / "a.npy", listed)
    converted = find("lasagne").read(tmp_path / "a.npy")
    for slots in (projects.SLOTS, 11):
        expected = projects.run_lasagne(arrays, sequence, recurrent, slots)
        found = outputs_of(converted, sequence, slots)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_what_is_written_says_where_it_came_from(tmp_path: Path, rng: np.random.Generator) -> None:
    file = saved(tmp_path / "a.model", projects.pytorch_ntm(rng))
    source = find("pytorch-ntm")
    version = write(
        source.read(file), file, tmp_path / "models" / "theirs", "copy", describe(source)
    )
    description = version.description()
    imported = description.training["imported"]
    assert imported["licence"] == "BSD-3-Clause"
    assert imported["url"].endswith("/pytorch-ntm")
    assert len(imported["sha256"]) == 64
    task = description.make_task()
    assert (task.bits, task.start_marker) == (3, False)
    assert checkpoint.load(version).config == description.config
    again = write(source.read(file), file, version.path.parent, None, describe(source))
    assert (again.version, again.description().make_task()) == (2, None)


def test_tasks_are_laid_out_as_the_projects_do() -> None:
    counted = fitting("repeat-copy", 10, 9, "vlgiitr")
    assert counted.normalise(1) == pytest.approx((1 - 4.5) / np.sqrt(99 / 12))
    assert fitting("repeat-copy", 10, 9, "clemkoa").normalise(3) == pytest.approx(0.3)
    assert fitting("copy", 6, 6, "dnc-tensorflow").marker_echo
    assert fitting("copy", 10, 8, "vlgiitr") == Copy()


def refused(change: Callable[[projects.Tensors], Any], tmp_path: Path) -> str:
    """The sentence about a state dict that somebody has changed."""
    tensors = projects.pytorch_ntm(np.random.default_rng(4))
    change(tensors)
    file = saved(tmp_path / "changed.model", tensors)
    with pytest.raises(RepositoryError) as error:
        find("pytorch-ntm").read(file)
    assert str(file) in str(error.value)
    return str(error.value)


def test_tensors_that_do_not_fit_are_told_by_name(tmp_path: Path) -> None:
    assert "ntm.fc.bias has shape [2], expected [3]" in refused(
        lambda t: t.update({"ntm.fc.bias": np.zeros(2)}), tmp_path
    )
    assert "tensor ntm.fc.bias is missing" in refused(lambda t: t.pop("ntm.fc.bias"), tmp_path)
    assert "tensor extra has no place" in refused(lambda t: t.update(extra=np.zeros(2)), tmp_path)
    assert "NaN or infinity" in refused(
        lambda t: t.update({"ntm.fc.bias": np.full(3, np.nan)}), tmp_path
    )


def test_a_task_or_a_name_that_does_not_fit_is_refused(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    file = saved(tmp_path / "a.model", projects.pytorch_ntm(rng))
    source = find("pytorch-ntm")
    for name, task, sentence in (
        ("theirs", "babi", "the model has 4 inputs and 3 outputs"),
        ("theirs", "juggling", "unknown task 'juggling'"),
        ("copy", None, "is the name of a task"),
        ("Theirs", "copy", "a model's name should match"),
    ):
        with pytest.raises(RepositoryError, match=sentence):
            write(source.read(file), file, tmp_path / name, task, describe(source))
    assert VersionFolder(tmp_path / "theirs" / "1").path.exists() is False


def test_its_card_says_where_it_came_from(tmp_path: Path, rng: np.random.Generator) -> None:
    file = saved(tmp_path / "a.model", projects.pytorch_ntm(rng))
    source = find("pytorch-ntm")
    version = write(source.read(file), file, tmp_path / "theirs", "copy", describe(source))
    description = version.description()
    told = training_told(description)
    assert source.url in told
    assert source.licence in told
    assert description.training["imported"]["sha256"] in told
    assert beyond_training(description, {"length": 5}) is None
