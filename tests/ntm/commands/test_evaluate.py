import json

import pytest
import torch
from typer.testing import CliRunner

from ntm import NTM
from ntm.cli import application
from ntm.repository import checkpoint
from ntm.tasks import AssociativeRecall


@pytest.fixture
def models(tmp_path):
    task = AssociativeRecall()
    model = NTM(input_size=task.input_size, output_size=task.output_size, controller_size=4, N=8)
    checkpoint.save(tmp_path / "recall" / "1", model, task, {})
    return tmp_path


def evaluate(*arguments):
    return CliRunner().invoke(application(), ["eval", "--sequences", "2", *map(str, arguments)])


def test_all_shows_every_model_and_writes_what_was_missing(models):
    result = evaluate("--all", "--models", models)
    assert result.exit_code == 0
    assert "items 15" in result.stdout
    assert "6.15" in result.stdout  # the best peer's
    told = json.loads((models / "recall" / "1" / "evaluation.json").read_text())
    assert [row["sizes"]["items"] for row in told["results"]][:2] == [6, 10]


def test_all_measures_again_only_when_the_weights_changed(models):
    version = models / "recall" / "1"
    evaluate(version)
    told = json.loads((version / "evaluation.json").read_text())
    told["results"][0]["mean"] = 1234.5
    (version / "evaluation.json").write_text(json.dumps(told))
    assert "1234.50" in evaluate("--all", "--models", models).stdout
    other = NTM(input_size=8, output_size=6, controller_size=4, N=8)
    torch.nn.init.zeros_(other.output.weight)
    checkpoint.save(version, other, AssociativeRecall(), {})
    assert "1234.50" not in evaluate("--all", "--models", models).stdout


@pytest.mark.parametrize("arguments", [(), ("--all", "models/recall")])
def test_a_model_or_all_of_them(arguments):
    result = evaluate(*arguments)
    assert result.exit_code == 2
    assert "name a model's folder, or use --all" in result.output
