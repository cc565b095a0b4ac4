"""`ntm eval`: measure models and write down what came out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from ntm.repository.folders import (
    BASELINE_FILE,
    RepositoryError,
    VersionFolder,
    digest,
    find,
    read_json,
    write_json,
)
from ntm.repository.survey import models
from ntm.tasks import Task

if TYPE_CHECKING:
    from ntm.training.recipe import Setting


def evaluate(
    model: Annotated[
        Path | None, typer.Argument(help="A model's folder or name, or one version of it.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every model of --models, in one table.")
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(help="Every model beside it that was trained on its task, and their costs."),
    ] = False,
    repository: Annotated[
        Path, typer.Option("--models", help="The folder of models that --all takes.")
    ] = Path("models"),
    seed: Annotated[
        int, typer.Option(min=0, help="Of the sequences; training never draws them.")
    ] = 1,
    sequences: Annotated[
        int | None,
        typer.Option(min=1, help="For every setting; a fuller evaluation.json is left as it is."),
    ] = None,
    reach: Annotated[
        bool, typer.Option(help="Measure the longest sequences too; minutes to hours.")
    ] = False,
    stories: Annotated[
        Path | None,
        typer.Option(help="Also answer the questions of the bAbI files in this folder."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    write: Annotated[bool, typer.Option(help="Write evaluation.json beside the model.")] = True,
) -> None:
    """Measure a model on the settings of its recipe, print the table and write evaluation.json.

    With --compare: the models of its task side by side, by size, and parameters, sequences of
    training, bytes of state and microseconds a step. With --all: one table of every model, its
    baseline and what others published. In both a model whose evaluation.json was measured on its
    present weights is not measured again.
    """
    from ntm.evaluation import report

    if every == (model is not None):
        raise typer.BadParameter("name a model's folder, or use --all")
    console = Console(width=max(120, Console().width))
    if model is not None:
        version = find(model)
        if compare:
            console.print(comparison(version, seed, sequences, threads, write))
            return
        evaluated = measured(version) if stories else None
        evaluated = evaluated or measure(version, seed, sequences, threads, write, reach)
        if stories:
            evaluated = measure_stories(version, evaluated, stories, write)
        console.print(report.one_model(f"{version.name}/{version.version}", evaluated))
        return
    newest = {version.name: version for version in models(repository)}
    rows = []
    for name, version in newest.items():
        if version.description().make_task() is None and not version.evaluation.exists():
            Console(stderr=True).print(f"not measured: {unknown_task(version)}", soft_wrap=True)
            continue
        evaluated = measured(version) or measure(version, seed, sequences, threads, write, reach)
        baseline = version.path.parent / BASELINE_FILE
        rows.append((name, evaluated, read_json(baseline) if baseline.exists() else None))
    console.print(report.all_models(rows))


def comparison(
    version: VersionFolder, seed: int, sequences: int | None, threads: int, write: bool
) -> Any:
    """The tables of the newest versions beside this one that were trained on its task.

    Raises:
        RepositoryError: its task is not known here
    """
    from ntm.evaluation import compare

    task = version.description().make_task()
    if task is None:
        raise RepositoryError(unknown_task(version))
    newest = {version.name: version for version in models(version.path.absolute().parents[1])}
    return compare.tables(
        task,
        [
            compare.compared(
                other,
                task,
                measured(other) or measure(other, seed, sequences, threads, write, False),
            )
            for other in newest.values()
            if other.description().make_task() == task
        ],
    )


def measured(version: VersionFolder) -> dict[str, Any] | None:
    """The evaluation.json of a version, unless its weights have changed since."""
    if not version.evaluation.exists():
        return None
    evaluated = read_json(version.evaluation)
    return evaluated if evaluated.get("checkpoint_sha256") == digest(version.checkpoint) else None


def measure_stories(
    version: VersionFolder, evaluated: dict[str, Any], folder: Path, write: bool
) -> dict[str, Any]:
    """The evaluation with what the model answers to the questions of bAbI files.

    Raises:
        RepositoryError: it has no vocabulary, or the folder no such files
    """
    from ntm.evaluation.babi_files import measure_files
    from ntm.repository import checkpoint

    vocabulary = version.description().vocabulary
    if vocabulary is None:
        raise RepositoryError(f"{version.config}: the model has no vocabulary to be asked in")
    files = measure_files(checkpoint.load(version), vocabulary, folder)
    evaluated = evaluated | {"files": files}
    if write:
        write_json(version.evaluation, evaluated)
    return evaluated


def unknown_task(version: VersionFolder) -> str:
    """Why a model cannot be measured."""
    why = version.description().why_unknown()
    return f"{version.config}: {why}, so there is nothing to measure"


def settings_of(version: VersionFolder, task: Task, reach: bool) -> "tuple[Setting, ...]":
    """What is measured of a model: as its recipe says, or as was recorded when it was trained.

    Raises:
        RepositoryError: neither is known
    """
    from ntm.training.recipe import Setting
    from ntm.training.recipes import recipes

    training = version.description().training
    name, recorded = training.get("recipe", task.name), training.get("evaluation")
    if name in recipes():
        return recipes()[name].evaluation + (recipes()[name].reach if reach else ())
    if not recorded:
        raise RepositoryError(
            f"{version.config}: unknown recipe {name!r}, expected one of {', '.join(recipes())}"
        )
    try:
        return tuple(map(Setting.model_validate, recorded))
    except ValueError as error:
        raise RepositoryError(f"{version.config}: training.evaluation: {error}") from None


def measure(
    version: VersionFolder,
    seed: int,
    sequences: int | None,
    threads: int,
    write: bool,
    reach: bool,
) -> dict[str, Any]:
    """The content of evaluation.json, measured now and written if asked."""
    import torch

    from ntm.evaluation import measure as evaluation
    from ntm.evaluation.reach import beyond_training
    from ntm.repository import checkpoint

    torch.set_num_threads(threads)
    description = version.description()
    task = description.make_task()
    if task is None:
        raise RepositoryError(unknown_task(version))
    loaded = checkpoint.load(version)
    settings = settings_of(version, task, reach)
    if loaded.signature.fixed_slots:
        settings = tuple(setting.without_memory() for setting in settings)
    if sequences:
        settings = tuple(s.model_copy(update={"sequences": sequences}) for s in settings)
    rows = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for setting in settings:
            name = " ".join(f"{k}={v}" for k, v in setting.sizes.items())
            bar = progress.add_task(f"{version.name} {name}", total=setting.sequences)
            rows.append(
                evaluation.measure(
                    loaded,
                    task,
                    setting,
                    seed,
                    advance=lambda done, bar=bar: progress.advance(bar, done),  # type: ignore[misc]
                )
            )
    rows = [
        row.model_copy(update={"beyond_training": beyond_training(description, row.sizes)})
        for row in rows
    ]
    evaluated = evaluation.as_json(task, rows) | {"checkpoint_sha256": digest(version.checkpoint)}
    if write and not (sequences and version.evaluation.exists()):
        write_json(version.evaluation, evaluated)
    return evaluated
