"""`ntm train`: make a model from a recipe."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ntm.training.recipes import RECIPES, Recipe

BASELINE_LEARNING_RATE = 1e-3


class Baseline(StrEnum):
    """What a Neural Turing Machine is compared with."""

    LSTM = "lstm"


def positive(value: float | None) -> float | None:
    """The value, refused where it is no positive number."""
    if value is not None and not 0 < value < math.inf:
        raise typer.BadParameter(f"expected a positive number, got {value:g}")
    return value


def train(
    task: Annotated[str | None, typer.Argument(help="A recipe's name; see --list.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Train this one, or start with it.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="How many to train and compare; by default the recipe's."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of models to write into.")] = Path("runs"),
    updates: Annotated[
        int | None, typer.Option(min=1, help="Instead of the recipe's, and without a polish.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Instead of the recipe's.", callback=positive)
    ] = None,
    compiled: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="torch.compile the step.")
    ] = None,
    baseline: Annotated[
        Baseline | None, typer.Option(help="Train this on the same budget instead, to compare.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads; part of the result.")] = 1,
    fresh: Annotated[bool, typer.Option(help="Throw away what an earlier run left.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the recipes and stop.")] = False,
) -> None:
    """Train a model: `ntm train copy`, or `ntm train copy --seed 1` for one seed only.

    The result is OUT/TASK/<next version>; OUT/TASK/training/seed-<n> holds log.csv and the state
    that the same command resumes from after Ctrl-C or a kill, with the same result as an unbroken
    run. With several seeds the one with the fewest errors on sequences longer than training wins;
    where the recipe asks that what is read for an item be its own write, seeds that do so go first.
    """
    if listed:
        show_recipes()
        return
    if task not in RECIPES:
        what = f"unknown recipe {task!r}" if task else "no recipe named"
        raise typer.BadParameter(f"{what}, expected one of {', '.join(RECIPES)}")
    changes = {
        "updates": updates,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "compile": compiled,
        "baseline": baseline and baseline.value,
    }
    recipe = RECIPES[task].model_copy(update={k: v for k, v in changes.items() if v is not None})
    if updates or baseline:
        recipe = recipe.model_copy(update={"polish": None})
    if baseline:
        learning_rate = learning_rate or BASELINE_LEARNING_RATE
        recipe = recipe.model_copy(update={"learning_rate": learning_rate})
    count = seeds or (recipe.seeds if seed is None else 1)
    first = 1 if seed is None else seed
    run(recipe, task, list(range(first, first + count)), out / task, threads, fresh)


def run(
    recipe: Recipe, name: str, seeds: list[int], folder: Path, threads: int, fresh: bool
) -> None:
    """Train, then say where the result lies and what to do with it."""
    import shutil

    import torch

    from ntm.cli import complain
    from ntm.training.loop import Interrupted
    from ntm.training.loss import TrainingError
    from ntm.training.run import train_baseline, train_seeds

    torch.set_num_threads(threads)
    console = Console(stderr=True)
    if fresh:
        for seed in seeds:
            shutil.rmtree(folder / "training" / f"seed-{seed}", ignore_errors=True)
    try:
        if recipe.baseline:
            console.print(f"Saved {train_baseline(recipe, name, seeds[0], folder)}.")
            return
        saved, scores = train_seeds(recipe, name, seeds, folder)
    except Interrupted:
        console.print("Stopped; the same command goes on from here.")
        raise typer.Exit(130) from None
    except TrainingError as error:
        complain(str(error))
    for seed, score in scores.items():
        line = ", ".join(
            f"{' '.join(f'{k} {v}' for k, v in row.sizes.items())}: {row.mean:.2f}"
            for row in score.errors
        )
        if score.own_write is not None:
            line += f"; of every item's read at least {score.own_write:.2f} is its own write"
        console.print(f"seed {seed}: errors a sequence at {line}")
    console.print(
        f"Saved {saved.path}. Next: ntm eval {saved.path} && ntm export {saved.path}",
        soft_wrap=True,
        markup=False,
    )


def show_recipes() -> None:
    """Print every recipe as one row."""
    table = Table(title="ntm train TASK")
    for column in ("recipe", "model", "optimizer", "rate", "batch", "updates", "seeds"):
        table.add_column(column)
    for name, recipe in RECIPES.items():
        config = recipe.make_config()
        table.add_row(
            name,
            f"{recipe.architecture}: {config.summary}",
            recipe.optimizer,
            f"{recipe.learning_rate:g} {recipe.decay}",
            str(recipe.batch_size),
            str(recipe.updates) + (f" + {recipe.polish.updates}" if recipe.polish else ""),
            str(recipe.seeds),
        )
    Console(width=130).print(table)
