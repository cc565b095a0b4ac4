"""A training logged to TensorBoard, Weights & Biases or MLflow, imported where it is asked for."""

import math
from importlib import import_module
from typing import Any

from ntm.evaluation.measure import Measurement
from ntm.training.callbacks import Callback, Training, Update
from ntm.training.loss import TrainingError

EVERY = 20  # updates
PACKAGES = {"tensorboard": "torch.utils.tensorboard", "wandb": "wandb", "mlflow": "mlflow"}


def make_logger(name: str, model: str) -> Callback:
    """The logger of a name.

    Args:
        name: tensorboard, wandb or mlflow
        model: what the runs are called by
    Raises:
        TrainingError: its package is not installed
    """
    try:
        module = import_module(PACKAGES[name])
    except ImportError:
        raise TrainingError(
            f"--log {name} needs a package: pip install 'neural-turing-machine[{name}]'"
        ) from None
    return {"tensorboard": TensorBoard, "wandb": WeightsAndBiases, "mlflow": MLflow}[name](
        module, model
    )


class Logger(Callback):
    """What all loggers share: which numbers there are, and when."""

    def __init__(self, module: Any, model: str) -> None:
        self.module, self.model = module, model

    def on_update(self, trainer: Training, update: Update) -> None:
        if trainer.progress.update % EVERY == 0:
            numbers = {**update._asdict(), "error": trainer.progress.error}
            self.log(
                {n: v for n, v in numbers.items() if math.isfinite(v)}, trainer.progress.update
            )

    def on_validation(self, trainer: Training, measurement: Measurement) -> None:
        self.log({"validation": measurement.mean}, trainer.progress.update)

    def log(self, numbers: dict[str, float], update: int) -> None:
        """Write numbers of an update."""
        raise NotImplementedError


class TensorBoard(Logger):
    """Event files beside log.csv: `tensorboard --logdir runs`."""

    def on_start(self, trainer: Training) -> None:
        self.writer = self.module.SummaryWriter(
            str(trainer.folder / "tensorboard"), purge_step=trainer.progress.update + 1
        )

    def log(self, numbers: dict[str, float], update: int) -> None:
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, update)

    def on_end(self, trainer: Training) -> None:
        self.writer.close()


class WeightsAndBiases(Logger):
    """A run of Weights & Biases, in the project that WANDB_PROJECT names."""

    def on_start(self, trainer: Training) -> None:
        self.run = self.module.init(
            name=f"{self.model}-seed-{trainer.seed}",
            config=trainer.recipe.model_dump(mode="json"),
            dir=str(trainer.folder),
        )

    def log(self, numbers: dict[str, float], update: int) -> None:
        self.run.log(numbers, step=update)

    def on_end(self, trainer: Training) -> None:
        self.run.finish()


class MLflow(Logger):
    """A run of MLflow, where MLFLOW_TRACKING_URI says."""

    def on_start(self, trainer: Training) -> None:
        self.module.start_run(run_name=f"{self.model}-seed-{trainer.seed}")
        settings = trainer.recipe.model_dump(mode="json", exclude={"selection", "evaluation"})
        self.module.log_params({name: str(value)[:500] for name, value in settings.items()})

    def log(self, numbers: dict[str, float], update: int) -> None:
        self.module.log_metrics(numbers, step=update)

    def on_end(self, trainer: Training) -> None:
        self.module.end_run()
