"""What a training calls on its way: to log, to look inside, or to stop it."""

from typing import TYPE_CHECKING, NamedTuple

from ntm.evaluation.measure import Measurement

if TYPE_CHECKING:
    from ntm.training.loop import Trainer


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

    def on_start(self, trainer: "Trainer") -> None:
        """Before the first update, or the first after a resume."""

    def on_update(self, trainer: "Trainer", update: Update) -> None:
        """After every update."""

    def on_validation(self, trainer: "Trainer", measurement: Measurement) -> None:
        """After every validation."""

    def on_end(self, trainer: "Trainer") -> None:
        """When it has ended, was stopped, or failed."""
