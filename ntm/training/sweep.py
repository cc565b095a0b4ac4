"""A sweep: short trainings of one recipe with other settings, among which Optuna finds the best."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ntm.evaluation.measure import measure
from ntm.tasks import SourceError
from ntm.training.callbacks import Callback
from ntm.training.loop import Terms
from ntm.training.loss import TrainingError
from ntm.training.recipe import Recipe
from ntm.training.run import make_trainer

DATABASE = "sweep.sqlite"
SEED = 1


def parse(spaces: list[str]) -> dict[str, str]:
    """`learning_rate=1e-4..1e-2` and `slots=16,32,64` by name.

    Raises:
        SourceError: one is neither
    """
    found: dict[str, str] = {}
    for space in spaces:
        name, equals, values = space.partition("=")
        if not (equals and name and values):
            raise SourceError(
                f"a space should be like learning-rate=1e-4..1e-2 or slots=16,32, got {space}"
            )
        found[name.removeprefix("--").replace("-", "_")] = values
    if not found:
        raise SourceError("name what to vary, such as --vary learning-rate=1e-4..1e-2")
    return found


def suggest(trial: Any, name: str, values: str) -> float | int | str:
    """A trial's value from a space: from low to high on a logarithmic scale, or one of a list.

    Raises:
        SourceError: the bounds are no positive numbers in their order
    """
    low, dots, high = values.partition("..")
    if not dots:
        choice: float | int | str = trial.suggest_categorical(name, values.split(","))
        return choice
    try:
        bounds = float(low), float(high)
    except ValueError:
        bounds = (0.0, 0.0)
    if not 0 < bounds[0] < bounds[1]:
        raise SourceError(f"{name} should go from a positive number to a larger one, got {values}")
    whole = low.isdecimal() and high.isdecimal()
    if whole:
        return int(trial.suggest_int(name, int(low), int(high), log=True))
    return float(trial.suggest_float(name, *bounds, log=True))


def sweep(
    folder: Path,
    spaces: Mapping[str, str],
    recipe_of: Callable[[dict[str, Any]], Recipe],
    trials: int,
    callbacks: tuple[Callback, ...] = (),
) -> Any:
    """Train with so many settings; what was tried before in this folder counts.

    Args:
        folder: of the trials, and of the database that knows them
        spaces: by option, as `suggest` takes them
        recipe_of: the recipe with some options changed
        trials: how many, those before included
        callbacks: of every training
    Returns:
        the study, an `optuna.Study`
    Raises:
        TrainingError: Optuna is not installed
    """
    try:
        import optuna
    except ImportError:
        raise TrainingError(
            "ntm sweep needs a package: pip install 'neural-turing-machine[sweep]'"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="sweep",
        storage=f"sqlite:///{folder.absolute() / DATABASE}",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=SEED),
    )

    def objective(trial: Any) -> float:
        chosen = {name: suggest(trial, name, values) for name, values in spaces.items()}
        recipe = recipe_of(chosen)
        place = folder / f"trial-{trial.number}"
        trainer = make_trainer(recipe, SEED, place, Terms(callbacks=callbacks))
        try:
            trainer.run()
        except TrainingError as error:  # it diverged
            raise optuna.TrialPruned(str(error)) from None
        trainer.model.eval()
        rows = [
            measure(trainer.model, trainer.task, setting, SEED, role="selection")
            for setting in recipe.selection
        ]
        return sum(row.mean for row in rows)

    done = len([t for t in study.trials if t.state.is_finished()])
    study.optimize(objective, n_trials=max(0, trials - done), catch=())
    return study
