"""What a training calls on its way: to log, to look inside, or to stop it."""

from pathlib import Path
from typing import NamedTuple, Protocol

from torch import nn

from ntm.evaluation.measure import Measurement
from ntm.training.recipe import Recipe
from ntm.training.schedule import Progress


class Training(Protocol):
    """A training that runs, as what it calls sees it: a `Trainer`."""

    @property
    def recipe(self) -> Recipe:
        """How it trains."""

    @property
    def seed(self) -> int:
        """Of parameters and batches."""

    @property
    def folder(self) -> Path:
        """Where its state and log lie."""

    @property
    def model(self) -> nn.Module:
        """What is trained."""

    @property
    def progress(self) -> Progress:
        """Where it stands."""

    def stop(self) -> None:
        """End it after this update, its state saved."""


class Update(NamedTuple):
    """What one gradient step was."""

    loss: float
    learning_rate: float
    gradient_norm: float


class Callback:
    """Does nothing; extend what you need. `trainer.progress` says where the training stands.

    Nothing that is called here may draw from `trainer.rng` or change parameters, or the training is
    another one when it is resumed.
    """

    def on_start(self, trainer: Training) -> None:
        """Before the first update, or the first after a resume."""

    def on_update(self, trainer: Training, update: Update) -> None:
        """After every update."""

    def on_validation(self, trainer: Training, measurement: Measurement) -> None:
        """After every validation."""

    def on_end(self, trainer: Training) -> None:
        """When it has ended, was stopped, or failed."""
