"""`ntm train`: make a model from a recipe, from somebody's task or from somebody's data."""

import math
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ntm.architectures import catalogue
from ntm.repository.folders import VersionFolder, find
from ntm.training.build import build, flag, option_names, slug
from ntm.training.config_file import Wanted, changed, read, wanted
from ntm.training.recipe import Recipe
from ntm.training.recipes import recipes

BASELINE_LEARNING_RATE = 1e-3


class Baseline(StrEnum):
    """What a Neural Turing Machine is compared with."""

    LSTM = "lstm"


class LossName(StrEnum):
    """What is minimised."""

    BINARY_CROSS_ENTROPY = "binary-cross-entropy"
    SQUARED_ERROR = "squared-error"
    CROSS_ENTROPY = "cross-entropy"


class DeviceName(StrEnum):
    """Where to compute."""

    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"
    AUTO = "auto"


class LoggerName(StrEnum):
    """Where a training is logged, beside log.csv."""

    TENSORBOARD = "tensorboard"
    WANDB = "wandb"
    MLFLOW = "mlflow"


def positive(value: float | None) -> float | None:
    """The value, refused where it is no positive number."""
    if value is not None and not 0 < value < math.inf:
        raise typer.BadParameter(f"expected a positive number, got {value:g}")
    return value


def train(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Option(help="A class of your own, my_task.py:Reverse, or a task's name."),
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option(help="A field of that task, bits=6; may come again.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Pairs of your own: an .npz, a .txt or .tsv, or a folder of them."),
    ] = None,
    held_out: Annotated[
        float | None, typer.Option(help="The share of the data that is kept for evaluation. [0.1]")
    ] = None,
    start: Annotated[
        Path | None, typer.Option("--from", help="Go on from a saved model, models/copy.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A YAML file of these options; options here win.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the model is called; by default as its task or data.")
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(help="ntm, dnc, memory-network, transformer, lstm, or one of a package."),
    ] = None,
    loss: Annotated[
        LossName | None,
        typer.Option(help="Of bits, of numbers, of one class among several; it fits the output."),
    ] = None,
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
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", "--batch", min=1, help="Sequences of an update.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Instead of the recipe's.", callback=positive)
    ] = None,
    compiled: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="torch.compile the step.")
    ] = None,
    device: Annotated[
        DeviceName, typer.Option(help="Where to compute; auto takes a GPU where there is one.")
    ] = DeviceName.CPU,
    validate_every: Annotated[
        int | None,
        typer.Option(min=1, help="Updates between validations; the best weights are kept."),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(min=1, help="Stop after so many validations without a lower error."),
    ] = None,
    save_every: Annotated[
        int | None, typer.Option(min=1, help="Keep a checkpoint every so many updates.")
    ] = None,
    log: Annotated[
        list[LoggerName] | None, typer.Option(help="Log to this as well; may come again.")
    ] = None,
    baseline: Annotated[
        Baseline | None, typer.Option(help="Train this on the same budget instead, to compare.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads; part of the result.")] = 1,
    fresh: Annotated[bool, typer.Option(help="Throw away what an earlier run left.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the recipes and stop.")] = False,
) -> None:
    """Train a model: ntm train RECIPE, or --task my_task.py:Reverse, or --data pairs.npz

    RECIPE is one of --list, such as copy; options change it.

    The result is OUT/NAME/<next version>; OUT/NAME/training/seed-<n> holds log.csv and the state
    that the same command resumes from after Ctrl-C or a kill, with the same result as an unbroken
    run. With several seeds the one with the fewest errors on sequences longer than training wins;
    where the recipe asks that what is read for an item be its own write, seeds that do so go first.
    """
    from ntm.architectures.catalogue import UnknownArchitecture
    from ntm.tasks import SourceError

    if listed:
        show_recipes()
        return
    recipe, sizes = arguments_of(context.args)
    given = {
        "recipe": recipe,
        "task": task,
        "data": data,
        "held_out": held_out,
        "from": start,
        "architecture": architecture,
    }
    changes = {
        "loss": loss and loss.value,
        "updates": updates,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "compile": compiled,
        "seeds": seeds,
        "validate_every": validate_every,
        "patience": patience,
        "save_every": save_every,
    }
    try:
        content = read(config) if config else {}
        content = content | {k: v for k, v in given.items() if v is not None}
        for key, options in (
            ("fields", dict(map(assignment, field or ()))),
            ("model", sizes),
            ("changes", {k: v for k, v in changes.items() if v is not None}),
        ):
            content[key] = (content.get(key) or {}) | options
        asked = wanted(content, str(config or "ntm train"))
        chosen, called = build(asked)
    except (SourceError, UnknownArchitecture) as error:
        raise typer.BadParameter(str(error)) from None
    if baseline:
        chosen = changed(
            chosen,
            {
                "baseline": baseline.value,
                "polish": None,
                "learning_rate": learning_rate or BASELINE_LEARNING_RATE,
            },
        )
    if name is not None and slug(name) != name:
        raise typer.BadParameter(f"--name should be like {slug(name)}, got {name}")
    count = seeds or (chosen.seeds if seed is None else 1)
    first = 1 if seed is None else seed
    model, source = name or called, recipe_name(asked, called)
    saved = find(asked.start) if asked.start else None
    all_seeds, loggers = list(range(first, first + count)), [name.value for name in log or ()]
    plan = Plan(chosen, source, all_seeds, out / model, saved, device.value, loggers)
    run(plan, threads, fresh)


def recipe_name(asked: Wanted, called: str) -> str:
    """What the provenance calls a recipe: its name, or the file that it was made of."""
    if asked.data is not None:
        return f"--data {asked.data.name}"
    if asked.task is not None:
        return f"--task {Path(asked.task).name}"
    return called if asked.start is None else f"--from {called}"


def assignment(option: str) -> tuple[str, str]:
    """`bits=6` as a name and a value.

    Raises:
        BadParameter: it is none
    """
    name, equals, value = option.partition("=")
    if not (equals and name):
        raise typer.BadParameter(f"--field should be like bits=6, got {option}")
    return name.replace("-", "_"), value


def arguments_of(arguments: list[str]) -> tuple[str | None, dict[str, Any]]:
    """`copy --slots 32 --masking` as "copy" and {"slots": "32", "masking": True}.

    Raises:
        BadParameter: there are two names
    """
    sizes: dict[str, Any] = {}
    names: list[str] = []
    words = [word for argument in arguments for word in argument.split("=", 1)]
    while words:
        option = words.pop(0)
        if not option.startswith("--"):
            names.append(option)
            continue
        name = option.removeprefix("--").replace("-", "_")
        if words and not words[0].startswith("--"):
            sizes[name] = words.pop(0)
        elif name.startswith("no_"):
            sizes[name.removeprefix("no_")] = False
        else:
            sizes[name] = True
    if len(names) > 1:
        raise typer.BadParameter(f"expected the name of one recipe, got {' and '.join(names)}")
    return (names[0] if names else None), sizes


class Plan(NamedTuple):
    """What is trained, and where."""

    recipe: Recipe
    name: str  # for the provenance
    seeds: list[int]
    folder: Path
    start: VersionFolder | None
    device: str
    loggers: list[str]


def run(plan: Plan, threads: int, fresh: bool) -> None:
    """Train, then say where the result lies and what to do with it."""
    import shutil

    import torch

    from ntm.cli import complain
    from ntm.training.device import Present, choose
    from ntm.training.loggers import make_logger
    from ntm.training.loop import Interrupted, Terms
    from ntm.training.loss import TrainingError
    from ntm.training.run import place_of, train_baseline, train_seeds

    torch.set_num_threads(threads)
    recipe, name, seeds, folder = plan.recipe, plan.name, plan.seeds, plan.folder
    console = Console(stderr=True)
    if fresh:
        for seed in seeds:
            shutil.rmtree(folder / "training" / place_of(recipe, seed), ignore_errors=True)
    try:
        device = choose(plan.device, Present.here())
        callbacks = tuple(make_logger(logger, folder.name) for logger in plan.loggers)
        terms = Terms(device, callbacks, plan.start)
        if recipe.baseline:
            console.print(f"Saved {train_baseline(recipe, name, seeds[0], folder)}.")
            return
        saved, scores = train_seeds(recipe, name, seeds, folder, terms)
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
        f"Saved {saved.path}. Next: ntm eval {saved.path} && ntm export {saved.path}, or "
        f"ntm publish {saved.path.parent} models",
        soft_wrap=True,
        markup=False,
    )


def show_recipes() -> None:
    """Print every recipe as one row."""
    table = Table(title="ntm train RECIPE")
    for column in ("recipe", "model", "optimizer", "rate", "batch", "updates", "seeds"):
        table.add_column(column)
    for name, recipe in recipes().items():
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


def size_lines() -> Iterator[str]:
    """What `--help` says of the sizes of every architecture's models."""
    for architecture in catalogue.known():
        yield f"{architecture.name} ({architecture.title})"
        for option, name in option_names(architecture).items():
            field = architecture.config_class.model_fields[name]
            values = getattr(field.annotation, "__args__", ())
            choices = "|".join(v for v in values if isinstance(v, str))
            about = f"{field.description or ''} {choices}".strip()
            yield f"  {flag(option):<22} {about} [{field.default}]"


train.__doc__ = f"""{train.__doc__}

Further options are the sizes of the model:

\b
{escape(chr(10).join(size_lines()))}
"""
