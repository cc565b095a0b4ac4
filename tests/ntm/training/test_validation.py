"""Validation, early stopping, kept checkpoints and callbacks; resumed bit for bit."""

import csv
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open

from ntm.training import callbacks, loggers, validation
from ntm.training.device import Present, choose
from ntm.training.loop import Interrupted, Terms, Trainer
from ntm.training.loss import TrainingError
from ntm.training.recipe import Recipe
from ntm.training.run import provenance
from tests.tiny_training import TINY

SHORT = TINY.model_copy(update={"updates": 40, "validate_every": 10})


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validate on few sequences."""
    monkeypatch.setattr(validation, "SEQUENCES", 4)


def bits(trainer: Trainer) -> dict[str, bytes]:
    """The weights."""
    return {n: t.numpy().tobytes() for n, t in trainer.model.state_dict().items()}


class StopAt(callbacks.Callback):
    """Asks for a stop after an update."""

    def __init__(self, update: int) -> None:
        self.update = update

    def on_update(self, trainer: Trainer, update: callbacks.Update) -> None:
        if trainer.progress.update == self.update:
            trainer.stop()


class Recorded(callbacks.Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_start(self, trainer: Trainer) -> None:
        self.told.append(("start", trainer.progress.update))

    def on_validation(self, trainer: Trainer, measurement: Any) -> None:
        self.told.append((trainer.progress.update, measurement.mean))

    def on_end(self, trainer: Trainer) -> None:
        self.told.append(("end", trainer.progress.update))


def trained(recipe: Recipe, folder: Path, *told: callbacks.Callback) -> Trainer:
    """A training to its end."""
    trainer = Trainer(recipe, 1, folder, Terms(callbacks=told))
    trainer.run()
    return trainer


def test_validating_changes_nothing_of_the_training_and_keeps_the_best_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors, seen = iter([3.0, 1.0, 2.0, 1.0]), dict[int, dict[str, bytes]]()

    def measure(model: Any, *rest: Any, **more: Any) -> Any:
        return real(model, *rest, **more).model_copy(update={"mean": next(errors)})

    class Weights(callbacks.Callback):
        def on_validation(self, trainer: Trainer, measurement: Any) -> None:
            seen[trainer.progress.update] = bits(trainer)

    real = validation.measure
    monkeypatch.setattr(validation, "measure", measure)
    plain = trained(SHORT.model_copy(update={"validate_every": None}), tmp_path / "plain")
    recorded = Recorded()
    validated = trained(SHORT, tmp_path / "validated", recorded, Weights())
    assert recorded.told == [("start", 0), (10, 3.0), (20, 1.0), (30, 2.0), (40, 1.0), ("end", 40)]
    assert seen[40] == bits(plain), "it has gone on as if nobody had looked"
    assert bits(validated) == seen[20]
    told = provenance("tiny", validated)["validation"]
    assert told == {"error": 1.0, "update": 20, "stopped_early": False}
    with (tmp_path / "validated" / "log.csv").open(newline="") as file:
        rows = [(row["update"], row["validation"]) for row in csv.DictReader(file)]
    assert rows == [("10", "3"), ("20", "1"), ("30", "2"), ("40", "1")]


def test_a_training_without_hope_ends_early_and_a_resumed_one_just_as(tmp_path: Path) -> None:
    recipe = SHORT.model_copy(update={"updates": 400, "learning_rate": 1e-12, "patience": 3})
    unbroken = trained(recipe, tmp_path / "unbroken")
    assert unbroken.progress.update == 40
    assert (unbroken.progress.best_update, unbroken.progress.stopped) == (10, True)
    for stop in (10, 35):
        with pytest.raises(Interrupted):
            trained(recipe, tmp_path / "resumed", StopAt(stop))
    resumed = trained(recipe, tmp_path / "resumed")
    assert resumed.progress == unbroken.progress
    assert bits(resumed) == bits(unbroken)
    again = trained(recipe, tmp_path / "resumed")
    assert bits(again) == bits(unbroken)


def test_checkpoints_are_kept_and_are_states_to_go_on_from(tmp_path: Path) -> None:
    recipe = TINY.model_copy(update={"updates": 30, "save_every": 10})
    unbroken = trained(recipe, tmp_path / "unbroken")
    kept = sorted((tmp_path / "unbroken" / "checkpoints").iterdir())
    assert [path.name for path in kept] == [f"update-{n}.safetensors" for n in (10, 20, 30)]
    with safe_open(kept[0], "pt") as file:
        assert any(name.startswith("optimizer.") for name in file.keys())
    other = tmp_path / "other"
    other.mkdir()
    (other / "state.safetensors").write_bytes(kept[0].read_bytes())
    rarely = recipe.model_copy(update={"save_every": None})
    assert bits(trained(rarely, other)) == bits(unbroken), "how often to save changes no training"


HERE = {
    ("cpu", False, False): "cpu",
    ("auto", False, False): "cpu",
    ("auto", True, False): "cuda",
    ("auto", False, True): "mps",
    ("auto", True, True): "cuda",
    ("cuda", True, False): "cuda",
    ("mps", False, True): "mps",
}


@pytest.mark.parametrize(("name", "cuda", "mps"), HERE)
def test_a_device_is_what_is_asked_for_or_the_fastest_there_is(
    name: str, cuda: bool, mps: bool
) -> None:
    assert choose(name, Present(cuda, mps)) == torch.device(HERE[name, cuda, mps])


@pytest.mark.parametrize(("name", "cuda", "mps"), [("cuda", False, True), ("mps", True, False)])
def test_a_device_that_is_not_there_is_refused(name: str, cuda: bool, mps: bool) -> None:
    with pytest.raises(TrainingError, match=f"--device {name} is not to be had here, only "):
        choose(name, Present(cuda, mps))


class Tracker:
    """Stands for what a logger writes to; keeps the numbers by update."""

    def __init__(self) -> None:
        self.numbers: dict[int, dict[str, float]] = {}
        self.ended = 0

    def log(self, numbers: dict[str, float], step: int) -> None:
        self.numbers.setdefault(step, {}).update(numbers)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.log({name: value}, step)

    def finish(self) -> None:
        self.ended += 1


def modules(tracker: Tracker) -> dict[str, Any]:
    """The packages of all loggers, as far as they are called."""
    tensorboard = SimpleNamespace(close=tracker.finish, add_scalar=tracker.add_scalar)
    return {
        "tensorboard": SimpleNamespace(SummaryWriter=lambda folder, purge_step: tensorboard),
        "wandb": SimpleNamespace(init=lambda name, config, dir: tracker),
        "mlflow": SimpleNamespace(
            start_run=lambda run_name: None,
            log_params=lambda told: None,
            log_metrics=tracker.log,
            end_run=tracker.finish,
        ),
    }


@pytest.mark.parametrize("name", loggers.PACKAGES)
def test_a_logger_is_told_losses_and_validations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    tracker = Tracker()
    monkeypatch.setitem(sys.modules, loggers.PACKAGES[name], modules(tracker)[name])
    trained(SHORT, tmp_path, loggers.make_logger(name, "tiny"))
    assert {step: sorted(told) for step, told in tracker.numbers.items()} == {
        10: ["validation"],
        20: ["error", "gradient_norm", "learning_rate", "loss", "validation"],
        30: ["validation"],
        40: ["error", "gradient_norm", "learning_rate", "loss", "validation"],
    }
    assert tracker.ended == 1


@pytest.mark.parametrize("name", loggers.PACKAGES)
def test_a_logger_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, loggers.PACKAGES[name], None)
    with pytest.raises(TrainingError, match=rf"pip install 'neural-turing-machine\[{name}\]'"):
        loggers.make_logger(name, "tiny")
