"""A survey of a repository: the versions that it finds, and the entries that it calls strays."""

import os
from pathlib import Path

import pytest

from ntm.repository.folders import RepositoryError
from ntm.repository.survey import models, survey
from tests.ntm.repository.test_folders import make_folders


def test_a_repository_lists_every_version_of_every_well_named_model(tmp_path: Path) -> None:
    make_folders(tmp_path, "copy/2", "copy/1", "b-2/1", ".hidden/1", "Upper/1", "x" * 65 + "/1")
    (tmp_path / "README.md").write_text("")
    listed = [(v.name, v.version) for v in models(tmp_path)]
    assert listed == [("b-2", 1), ("copy", 1), ("copy", 2)]


def test_a_repository_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="is not a folder of models"):
        list(models(tmp_path / "missing"))


def listed(root: Path) -> list[tuple[str, int]]:
    """Names and versions of what is found."""
    return [(folder.name, folder.version) for folder in models(root)]


def test_a_link_counts_by_its_own_name(tmp_path: Path) -> None:
    releases, root = tmp_path / "releases", tmp_path / "models"
    for folder in (releases / "v2024", root / "copy" / "1", root / "..2024_01" / "mounted" / "3"):
        folder.mkdir(parents=True)
    (root / "copy" / "2").symlink_to(releases / "v2024")
    (root / "copy" / "4").symlink_to("1")
    (root / "prod").symlink_to("copy")
    (root / "..data").symlink_to("..2024_01")
    (root / "mounted").symlink_to("..data/mounted")
    copies = [1, 2, 4]
    expected = [*(("copy", n) for n in copies), ("mounted", 3), *(("prod", n) for n in copies)]
    assert listed(root) == expected
    assert survey(root).strays == []


def test_what_stands_where_a_model_should_is_a_stray(tmp_path: Path) -> None:
    for name in ("copy/1", "copy/v1", "copy_v2/1", "My_Model/1", ".git/1", "empty"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "README").write_text("nobody's business")
    (tmp_path / "copy" / "baseline.json").write_text("{}")
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "copy" / "3")
    (tmp_path / "copy" / "2").symlink_to("/nowhere")
    (tmp_path / "loop").symlink_to("loop")
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    assert listed(tmp_path) == [("copy", 1)]
    strays = [(stray.name, stray.version) for stray in survey(tmp_path).strays]
    expected = [("My_Model", None), *(("copy", n) for n in (2, 3, None)), ("copy_v2", None)]
    assert strays == [*expected, ("loop", None), ("pipe", None), ("\\xff", None)]
