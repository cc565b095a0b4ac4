"""Publishing: the next version of a model, whole and at once, or nothing."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ntm.cli import application
from ntm.repository import checkpoint, manifest
from ntm.repository.folders import RepositoryError, find
from tests import small_models, small_unknown_task


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a trained model, which is the current one."""
    monkeypatch.chdir(tmp_path)
    version = small_models.save(tmp_path / "runs", "odd")
    told = json.loads(version.config.read_text())
    told["training"]["evaluation"] = [{"sizes": {"length": 2}, "sequences": 3}]
    version.config.write_text(json.dumps(told))
    return version.path.parent


def ntm(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(application(), list(map(str, arguments)))


def test_a_run_becomes_the_next_version_with_all_that_serving_needs(run: Path) -> None:
    done = ntm("publish", "runs/odd", "models", "--sequences", "2")
    assert done.exit_code == 0, done.output
    assert "Published models/odd/1. Next: ntm serve models" in done.output
    published = find(Path("models/odd"))
    assert manifest.read(published, published.onnx).graphs
    assert json.loads(published.evaluation.read_text())["results"][0]["sequences"] == 2
    assert published.card.read_text().startswith("# odd, version 1\n")
    assert not (run / "1" / "onnx").exists(), "the run is left as it was"
    assert [entry.name for entry in Path("models").iterdir()] == ["odd"]
    again = ntm("publish", "runs/odd", "models")
    assert "runs/odd/1 is published already, as models/odd/1." in again.output
    other = small_models.make("odd", seed=2)
    description = published.description()
    checkpoint.save(run / "2", other, description.make_task(), {"recipe": "theirs"})
    (run / "2" / "evaluation.json").write_text(published.evaluation.read_text())
    done = ntm("publish", "runs/odd", "models")
    assert done.exit_code == 1, "measured on other weights, and nothing says what to measure"
    assert [entry.name for entry in Path("models/odd").iterdir()] == ["1"]


def test_without_its_task_a_model_is_published_without_scores(tmp_path: Path) -> None:
    small_unknown_task.build(tmp_path / "runs")
    done = ntm("publish", "runs/mine", "served", "--name", "theirs")
    assert done.exit_code == 0, done.output
    assert "1/3 not measured: the task 'echo' is not known here" in done.output
    published = find(Path("served/theirs"))
    assert not published.evaluation.exists()
    assert published.card.exists()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("gone", "runs/odd holds no model"),
        ("weights", "runs/odd/1 is no finished run: runs/odd/1/model.safetensors is missing"),
        ("config", "config.json is not a JSON file"),
        ("name", "a model's name should match"),
    ],
)
def test_what_is_no_run_is_refused_and_nothing_is_left(run: Path, spoil: str, told: str) -> None:
    options: tuple[str, ...] = ()
    match spoil:
        case "gone":
            shutil.rmtree(run)
        case "weights":
            (run / "1" / "model.safetensors").unlink()
        case "config":
            (run / "1" / "config.json").write_text("{")
        case _:
            options = ("--name", "../odd")
    done = ntm("publish", "runs/odd", "models", *options)
    assert done.exit_code == 1
    assert isinstance(done.exception, RepositoryError)
    assert told in str(done.exception)
    assert not Path("models").exists()
