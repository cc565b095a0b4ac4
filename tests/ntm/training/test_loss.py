"""A loss that fits the output, and a training that diverges ends without a model."""

from pathlib import Path

import pytest
import torch

from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from ntm.tasks import DynamicNgrams
from ntm.training.loop import Trainer
from ntm.training.loss import (
    PATIENCE,
    Divergence,
    TrainingError,
    answer_loss,
    check_output,
    check_targets,
)
from ntm.training.recipes import RECIPES
from tests.command_line import ntm
from tests.tiny_training import TINY


def test_numbers_are_learnt_by_their_squared_error() -> None:
    logits = torch.tensor([[[-3.0, 50.0, 7.0]]])
    targets = torch.tensor([[[-1.0, 48.0, torch.nan]]])
    assert answer_loss(logits, targets, "identity").item() == pytest.approx((4 + 4) / 2)


def test_a_model_with_plain_outputs_comes_nearer_to_its_targets(tmp_path: Path) -> None:
    model = TINY.model | {"output": "identity"}
    trainer = Trainer(TINY.model_copy(update={"model": model}), 1, tmp_path)
    losses = [trainer.update(trainer.draw())[0] for _ in range(100)]
    assert 0 <= min(losses[-20:]) < losses[0] / 2


def test_what_an_output_cannot_give_is_refused() -> None:
    with pytest.raises(TrainingError, match="from 0 to 1 for an output of sigmoid, got -3"):
        check_targets(torch.tensor([0.5, torch.nan, -3.0]), "sigmoid")
    check_targets(torch.tensor([-3.0]), "identity")
    with pytest.raises(TrainingError, match="output should be sigmoid for dynamic-ngrams"):
        check_output(DynamicNgrams(), "identity")


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e21])
def test_a_loss_that_stays_exploded_ends_the_training(loss: float) -> None:
    divergence = Divergence()
    divergence.observe(0.7)
    for _ in range(PATIENCE - 1):
        divergence.observe(loss)
    with pytest.raises(TrainingError, match="diverged"):
        divergence.observe(loss)


def test_one_bad_batch_is_forgiven() -> None:
    divergence = Divergence()
    for loss in (0.7, 1e21, 0.6):
        divergence.observe(loss)
    divergence.refuse(0.6)
    assert divergence.updates == 0


def test_a_diverged_training_ends_with_1_and_leaves_the_earlier_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    command = ("train", "tiny", "--out", tmp_path, "--updates")
    assert ntm(*command, "2").returncode == 0
    done = ntm(*command, "70", "--seed", "2", "--learning-rate", "1e20")
    assert done.returncode == 1
    assert "error: the training diverged" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in sorted((tmp_path / "tiny").iterdir())] == ["1", "training"]
    checkpoint.load(VersionFolder(tmp_path / "tiny" / "1"))
