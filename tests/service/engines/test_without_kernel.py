"""A model whose architecture has no compiled kernel, served where native is the best engine."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import create_model

from ntm.architectures import catalogue, kernels
from ntm.architectures.ntm.config import NTMConfig
from ntm.repository.folders import VersionFolder
from service.engines import open_engine
from service.models.served import Models
from service.settings import Settings

NAME = "without-kernel/1"
Config = create_model("Config", __base__=NTMConfig, architecture=(str, NAME))


@pytest.fixture
def version(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VersionFolder:
    """It; native counts as compiled."""
    known = catalogue.find(catalogue.DEFAULT)
    monkeypatch.setattr(catalogue, "_known", {known.name: known})
    catalogue.register(replace(known, name=NAME, config=f"{__name__}:Config", kernel=None))
    monkeypatch.setattr(kernels, "is_ready", lambda folder: True)
    version = VersionFolder(tmp_path / "models" / "copy" / "1")
    shutil.copytree(repository / "copy" / "1", version.path)
    for file in version.config, version.onnx / "signature.json":
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(f'"{known.name}"', f'"{NAME}"'), encoding="utf-8")
    return version


def test_auto_is_onnx(version: VersionFolder, tmp_path: Path) -> None:
    assert open_engine(version, "auto", "cpu", 1, tmp_path).name == "onnx"


def test_native_is_onnx_too(version: VersionFolder, tmp_path: Path) -> None:
    assert open_engine(version, "native", "cpu", 1, tmp_path).name == "onnx"


def test_it_is_not_loaded_again_at_every_look(version: VersionFolder, tmp_path: Path) -> None:
    models = Models(Settings(models=version.path.parents[1], device="cpu", compiled=str(tmp_path)))
    try:
        assert [model.engine.name for model in models] == ["onnx"]
        assert not models.wants_native()
        change = models.look()
        assert (change.added, change.removed) == ((), ())
    finally:
        models.close()
