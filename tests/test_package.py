"""The wheel: what is in it, and that it works where neither the checkout nor torch is."""

import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.command_line import ROOT
from tests.service.test_without_torch import ABSENT

MOST_BYTES = 40_000_000  # to download
NOT_SHIPPED = {"lstm-copy"}  # pyproject.toml says why


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")))
    return Path(built)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is in the wheel, as `pip install --target` lays it."""
    folder = tmp_path_factory.mktemp("installed")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def tracked(*paths: str) -> set[str]:
    """The files below some paths that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", *paths], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.split())


def test_it_is_not_too_large_to_download(wheel: Path) -> None:
    assert wheel.stat().st_size < MOST_BYTES, "leave a model out: exclude in pyproject.toml"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no git checkout")
def test_it_has_the_code_and_the_shipped_models_and_nothing_else(installed: Path) -> None:
    found = {
        path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()
    }
    found = {name for name in found if ".dist-info/" not in name}
    code = {name for name in tracked("ntm", "service") if not name.endswith("screenshot.png")}
    models = {
        name.replace("models/", "ntm/shipped/", 1)
        for name in tracked("models")
        if name.split("/")[1] not in NOT_SHIPPED and "/torchscript/" not in name
    }
    assert found == code | models
    assert "service/viewer/main.js" in found
    assert "ntm/shipped/copy/1/onnx/signature.json" in found


def test_its_metadata_name_what_to_install(installed: Path) -> None:
    (info,) = installed.glob("neural_turing_machine-*.dist-info")
    told = message_from_bytes((info / "METADATA").read_bytes())
    assert told["Name"] == "neural-turing-machine"
    assert {"cpu", "gpu", "train", "cluster"} <= set(told.get_all("Provides-Extra", []))
    assert "torch" not in [n for n in told.get_all("Requires-Dist", []) if "extra ==" not in n]
    assert "ntm = ntm.cli:main" in (info / "entry_points.txt").read_text()


def test_it_predicts_with_a_shipped_model_away_from_the_checkout_without_torch(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()  # of a project that has nothing to do with this
    code = (
        f"{ABSENT}\nimport ntm.cli\n"
        "from service.settings import Settings\nprint(Settings.from_environment().models)\n"
        "sys.argv = ['ntm', 'predict', 'copy', '--length', '4']\nntm.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(installed / "ntm" / "shipped")
    assert "0 wrong bits" in done.stdout
    assert not any((tmp_path / "models").iterdir())
