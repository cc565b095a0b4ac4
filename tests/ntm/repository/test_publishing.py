"""A version is published whole, and not over another one."""

from pathlib import Path

import pytest

from ntm.repository.folders import RepositoryError, VersionFolder
from ntm.repository.publishing import publish
from tests import small_models


def test_who_comes_second_is_told_to_publish_again(tmp_path: Path) -> None:
    run = small_models.save(tmp_path / "runs", "copy")
    models = tmp_path / "models"

    def first(_: VersionFolder) -> None:
        small_models.save(models, "copy")

    with pytest.raises(RepositoryError, match="by somebody else meanwhile: publish again"):
        publish(run, models, "copy", first)
    assert publish(run, models, "copy", lambda copy: None).path == models / "copy" / "2"
