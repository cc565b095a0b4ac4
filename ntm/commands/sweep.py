"""`ntm sweep`: try settings of a training and tell which are best."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ntm.commands.train import LossName, arguments_of, assignment
from ntm.training.build import build, flag
from ntm.training.config_file import PLAIN, Wanted, read, wanted
from ntm.training.recipe import Recipe

SHOWN = 10  # of the best trials


def sweep(
    context: typer.Context,
    vary: Annotated[
        list[str],
        typer.Option(help="learning-rate=1e-4..1e-2, or slots=16,32,64; may come again."),
    ],
    trials: Annotated[int, typer.Option(min=1, help="Trainings, those before included.")] = 20,
    updates: Annotated[int, typer.Option(min=1, help="Of every training.")] = 500,
    task: Annotated[str | None, typer.Option(help="As for ntm train.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="As for ntm train.")] = None,
    data: Annotated[Path | None, typer.Option(help="As for ntm train.")] = None,
    config: Annotated[Path | None, typer.Option(help="As for ntm train.")] = None,
    architecture: Annotated[str | None, typer.Option(help="As for ntm train.")] = None,
    loss: Annotated[LossName | None, typer.Option(help="As for ntm train.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of sweeps to write into.")] = Path("sweeps"),
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
) -> None:
    """Try settings: ntm sweep --task my_task.py:Reverse --vary learning-rate=1e-4..1e-2

    Further options are those of ntm train: a recipe's name, sizes of the model. Every trial is a
    training of one seed, measured on sequences longer than training; Optuna chooses what to try
    next. The same command goes on where it was, with more --trials further.
    """
    import torch

    from ntm.architectures.catalogue import UnknownArchitecture
    from ntm.cli import complain
    from ntm.tasks import SourceError
    from ntm.training import sweep as sweeping
    from ntm.training.loop import Interrupted
    from ntm.training.loss import TrainingError

    torch.set_num_threads(threads)
    recipe, sizes = arguments_of(context.args)
    given = {"recipe": recipe, "task": task, "data": data, "architecture": architecture}
    try:
        content = read(config) if config else {}
        content |= {name: value for name, value in given.items() if value is not None}
        content["fields"] = (content.get("fields") or {}) | dict(map(assignment, field or ()))
        content["model"] = (content.get("model") or {}) | sizes
        content["changes"] = content.get("changes", {}) | {"updates": updates}
        if loss is not None:
            content["changes"]["loss"] = loss.value
        asked, spaces = wanted(content, str(config or "ntm sweep")), sweeping.parse(vary)
        _, called = build(asked)
        study = sweeping.sweep(out / called, spaces, lambda v: varied(asked, v), trials)
    except (SourceError, UnknownArchitecture) as error:
        raise typer.BadParameter(str(error)) from None
    except TrainingError as error:
        complain(str(error))
    except Interrupted:
        Console(stderr=True).print("Stopped; the same command goes on from here.")
        raise typer.Exit(130) from None
    show(study, out / called)


def varied(asked: Wanted, values: dict[str, Any]) -> Recipe:
    """The recipe with other values of its fields or of its model's sizes."""
    fields = {name: value for name, value in values.items() if name in PLAIN}
    sizes = {name: value for name, value in values.items() if name not in PLAIN}
    changes, model = asked.changes | fields, asked.model | sizes
    recipe, _ = build(asked.model_copy(update={"changes": changes, "model": model}))
    return recipe


def show(study: Any, folder: Path) -> None:
    """Print the best trials, and how to train with the best of all."""
    done = sorted((t for t in study.trials if t.value is not None), key=lambda t: t.value)
    if not done:
        Console(stderr=True).print("No trial came to its end: every training diverged.")
        raise typer.Exit(1)
    names = list(done[0].params)
    table = Table(title=f"{len(done)} trials in {folder}")
    for column in ("trial", "error", *names):
        table.add_column(column, justify="right")
    for trial in done[:SHOWN]:
        values = (f"{v:.4g}" if isinstance(v, float) else str(v) for v in trial.params.values())
        table.add_row(str(trial.number), f"{trial.value:.4g}", *values)
    console = Console()
    console.print(table)
    options = " ".join(f"{flag(name)} {value}" for name, value in done[0].params.items())
    console.print(f"The best: ntm train ... {options}", soft_wrap=True, markup=False)
