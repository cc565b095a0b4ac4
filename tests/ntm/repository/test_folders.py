"""Folders of models: finding versions, reading config.json, and what each damage is called."""

import hashlib
import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from ntm import NTMConfig
from ntm.repository import folders
from ntm.repository.folders import RepositoryError, VersionFolder, describe, write_json
from ntm.tasks import Copy

CONFIG = NTMConfig(input_size=4, output_size=2, controller_size=5, N=6, M=3)
WHOLE = describe(CONFIG, Copy(bits=2), {"seed": 1}).model_dump(mode="json")


@pytest.fixture
def version(tmp_path: Path) -> VersionFolder:
    """A version with nothing but a good config.json."""
    folder = VersionFolder(tmp_path / "copy" / "2")
    folder.path.mkdir(parents=True)
    write_json(folder.config, WHOLE)
    return folder


def test_a_description_comes_back_as_it_was_written(version: VersionFolder) -> None:
    description = version.description()
    assert description.config == CONFIG
    assert description.make_task() == Copy(bits=2)
    assert description.training == {"seed": 1}


def test_a_version_knows_its_name_number_and_files(version: VersionFolder) -> None:
    assert (version.name, version.version) == ("copy", 2)
    assert version.checkpoint == version.path / "model.safetensors"
    assert version.evaluation == version.path / "evaluation.json"
    assert version.card == version.path / "README.md"
    assert version.onnx == version.path / "onnx"


def assert_refused(version: VersionFolder, told: str) -> None:
    """The description fails with one line that starts with the path of config.json."""
    with pytest.raises(RepositoryError, match=f"^{re.escape(str(version.config))}.*{told}"):
        version.description()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not a JSON file"),
        (b"{'architecture': 'ntm/1'}", "is not a JSON file"),
        (json.dumps(WHOLE).encode()[:-1], "is not a JSON file"),
        (b"\xff\xfe\x00", "is not a JSON file"),
        (b"[" * 100_000, "is not a JSON file"),
        (b"[]", "should hold a JSON object, not a list"),
        (b"null", "should hold a JSON object, not a NoneType"),
        (b"{}", "unknown architecture None, this version knows ntm/1"),
    ],
)
def test_a_config_that_holds_no_object_is_refused(
    version: VersionFolder, content: bytes, told: str
) -> None:
    version.config.write_bytes(content)
    assert_refused(version, told)


def test_a_missing_config_is_refused(version: VersionFolder) -> None:
    version.config.unlink()
    assert_refused(version, "is missing")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"architecture": "ntm/0"}, "unknown architecture 'ntm/0', this version knows ntm/1"),
        ({"architecture": ["ntm/1"]}, r"unknown architecture \['ntm/1'\]"),
        ({"sizes": "large"}, "sizes: Input should be a valid dictionary"),
        ({"sizes": {"input_size": 4}}, "output_size: Field required"),
        ({"sizes": {**WHOLE["sizes"], "N": 0}}, "N: Input should be greater than or equal to 1"),
        ({"sizes": {**WHOLE["sizes"], "shift_range": 4}}, "shift_range: .*must be odd.* got 4"),
        ({"sizes": {**WHOLE["sizes"], "heads": 4}}, "heads: Extra inputs are not permitted"),
        ({"sizes": {**WHOLE["sizes"], "architecture": "ntm/1"}}, "architecture"),
        ({"sizes": {**WHOLE["sizes"], "input_size": 9}}, r"\(9, 2\), but the task copy needs"),
        ({"task": {"name": ["copy"]}}, r"a task should have a name, got \['copy'\]"),
        ({"task": {"bits": 2}}, "a task should have a name, got None"),
        ({"task": {"name": "copy", "bits": 0}}, "bits: Input should be greater than"),
        ({"weights": "elsewhere"}, "weights: Extra inputs are not permitted"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    version: VersionFolder, changes: dict[str, Any], told: str
) -> None:
    write_json(version.config, {**WHOLE, **changes})
    assert_refused(version, told)


def make_folders(root: Path, *names: str) -> None:
    """Empty folders."""
    for name in names:
        (root / name).mkdir(parents=True)


def test_a_models_path_means_its_highest_version_and_a_versions_path_itself(
    tmp_path: Path,
) -> None:
    make_folders(tmp_path, "copy/1", "copy/2", "copy/10", "copy/training", "copy/007", "copy/0")
    (tmp_path / "copy" / "11").write_text("a file, not a version")
    assert folders.versions(tmp_path / "copy") == [1, 2, 10]
    assert folders.find(tmp_path / "copy").version == 10
    assert folders.find(tmp_path / "copy" / "2").version == 2


@pytest.mark.parametrize("path", ["missing", "empty", "missing/1"])
def test_a_path_without_a_model_is_refused(tmp_path: Path, path: str) -> None:
    make_folders(tmp_path, "empty")
    with pytest.raises(RepositoryError, match=f"{path} holds no model: expected a folder such as"):
        folders.find(tmp_path / path)


def test_a_name_means_a_model_among_others(tmp_path: Path) -> None:
    make_folders(tmp_path, "models/copy/1", "models/copy/3", "models/sort/2", "here/1")
    among = tmp_path / "models"
    assert folders.find(Path("copy"), among).path == among / "copy" / "3"
    assert folders.find(Path("copy/1"), among).path == among / "copy" / "1"
    assert folders.find(tmp_path / "here", among).path == tmp_path / "here" / "1"
    with pytest.raises(RepositoryError, match=f"nope holds no model.*one of {among}: copy, sort$"):
        folders.find(Path("nope"), among)


def test_a_digest_is_the_sha256_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert folders.digest(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(RepositoryError, match="gone is missing"):
        folders.digest(tmp_path / "gone")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(RepositoryError, match=r"config\.json is no file"):
        folders.read_json(tmp_path / "config.json")
    with pytest.raises(RepositoryError, match=r"config\.json is no file"):
        folders.digest(tmp_path / "config.json")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(RepositoryError, match="cannot be read"):
            folders.read_file(tmp_path / "s")
    with pytest.raises(RepositoryError, match="not a folder"):
        folders.read_file(tmp_path)
