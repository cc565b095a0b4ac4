"""`ntm serve PATH`: a folder of models, one model, one version, or a name."""

from pathlib import Path

import pytest

from tests import small_models
from tests.command_line import NTM, ntm
from tests.service.running import serving


@pytest.mark.parametrize(
    ("path", "served"),
    [("", set(small_models.MODELS)), ("copy", {"copy"}), ("copy/1", {"copy"})],
)
def test_a_path_is_served(repository: Path, tmp_path: Path, path: str, served: set[str]) -> None:
    with (
        serving(tmp_path / "unused", tmp_path, [str(repository / path)]) as server,
        server.client() as client,
    ):
        told = client.get("/models").json()["models"]
    assert {model["name"] for model in told} == served


def test_both_a_path_and_an_option_are_refused(tmp_path: Path) -> None:
    done = ntm("serve", tmp_path, "--models", tmp_path, command=NTM)
    assert done.returncode == 1
    assert "name the models once" in done.stderr


def test_without_models_it_says_how_to_get_some(tmp_path: Path) -> None:
    done = ntm("serve", tmp_path / "models", command=NTM)
    assert done.returncode == 1
    assert "ntm serve PATH" in done.stderr
    assert f"ntm train copy --out {tmp_path}/models" in done.stderr
