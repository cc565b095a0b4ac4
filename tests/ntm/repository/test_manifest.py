"""signature.json vouches for every file beside it; an error names the file that is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ntm.repository import manifest
from ntm.repository.folders import RepositoryError, VersionFolder

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def version(repository: Path, tmp_path: Path) -> VersionFolder:
    """An exported model of one's own."""
    return VersionFolder(shutil.copytree(repository / "copy" / "1", tmp_path / "copy" / "1"))


def edit(version: VersionFolder, change: Change) -> None:
    """Change what signature.json says."""
    path = version.onnx / manifest.FILE
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def reading(version: VersionFolder) -> str:
    """The error of reading it."""
    with pytest.raises(RepositoryError) as caught:
        manifest.read(version, version.onnx)
    return str(caught.value)


def test_what_was_exported_is_read(version: VersionFolder) -> None:
    told = manifest.read(version, version.onnx)
    assert [g.steps for g in told.of_kind("predict")] == [16, 4, 1]
    assert [g.steps for g in told.of_kind("inspect")] == [16, 4, 1]


def test_a_missing_graph_is_named(version: VersionFolder) -> None:
    (version.onnx / "predict_16.onnx").unlink()
    assert reading(version) == f"{version.onnx / 'predict_16.onnx'} is missing"


def test_a_missing_signature_is_named(version: VersionFolder) -> None:
    (version.onnx / "signature.json").unlink()
    told = "is missing: the model is not exported yet (ntm export)"
    assert reading(version) == f"{version.onnx / 'signature.json'} {told}"


def test_a_flipped_bit_is_named(version: VersionFolder) -> None:
    path = version.onnx / "inspect_4.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert reading(version).startswith(f"{path} differs from its SHA-256")


def test_graphs_of_another_checkpoint_are_refused(version: VersionFolder, repository: Path) -> None:
    shutil.copy(repository / "copy" / "2" / "model.safetensors", version.checkpoint)
    told = reading(version)
    assert "was exported from: it is damaged, or was trained anew" in told


@pytest.mark.parametrize("name", ["../../2/onnx/predict_1.onnx", "/etc/passwd", "a/b.onnx", "./a"])
def test_a_file_elsewhere_is_refused(version: VersionFolder, name: str) -> None:
    edit(version, lambda told: told["graphs"][0].update(file=name))
    assert "is not a plain file name" in reading(version)
    assert str(version.onnx / "signature.json") in reading(version)


@pytest.mark.parametrize("name", ["", ".", "..", "no\0name", "a b"])
def test_a_name_that_is_no_file_is_refused(version: VersionFolder, name: str) -> None:
    edit(version, lambda told: told["graphs"][0].update(file=name))
    assert str(version.onnx) in reading(version)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(schema_version=2),
        lambda told: told.update(surprise=1),
        lambda told: told["graphs"][0].update(kind="train"),
        lambda told: told["signature"].pop("state"),
        lambda told: told["signature"]["state"][0].update(initial={"kind": "pickle"}),
        lambda told: told.update(graphs=[]),
        lambda told: told.update(graphs=[g for g in told["graphs"] if g["kind"] == "predict"]),
        lambda told: told.update(graphs=[g for g in told["graphs"] if g["steps"] != 1]),
    ],
    ids=["schema", "field", "kind", "no state", "initial", "no graphs", "no inspect", "no step"],
)
def test_a_signature_that_does_not_fit_is_refused(version: VersionFolder, change: Change) -> None:
    edit(version, change)
    assert reading(version).startswith(f"{version.onnx / 'signature.json'}: ")


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff", "null", "[" * 100_000])
def test_a_signature_that_is_no_object_is_refused(version: VersionFolder, text: str) -> None:
    (version.onnx / "signature.json").write_text(text)
    assert str(version.onnx / "signature.json") in reading(version)


def test_the_digest_changes_with_any_graph(version: VersionFolder) -> None:
    before = manifest.read(version, version.onnx).digest
    edit(version, lambda told: told.update(graphs=told["graphs"][::-1]))
    after = manifest.read(version, version.onnx)
    changed = after.model_copy(update={"checkpoint_sha256": "0" * 64})
    assert len({before, after.digest, changed.digest}) == 3
