"""`ntm eval`: measure a model and write down what came out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress


def evaluate(
    model: Annotated[Path, typer.Argument(help="A model's folder, or one version of it.")],
    seed: Annotated[
        int, typer.Option(min=0, help="Of the sequences; training never draws them.")
    ] = 1,
    sequences: Annotated[int | None, typer.Option(min=1, help="For every setting.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    write: Annotated[bool, typer.Option(help="Write evaluation.json beside the model.")] = True,
) -> None:
    """Measure a model on the settings of its recipe, print the table and write evaluation.json."""
    import torch

    from ntm import checkpoint, evaluation, repository
    from ntm.recipes import RECIPES

    torch.set_num_threads(threads)
    version = repository.find(model)
    description = version.description()
    loaded, task = checkpoint.load(version), description.make_task()
    recipe = description.training.get("recipe", task.name)
    if recipe not in RECIPES:
        raise repository.RepositoryError(
            f"{version.config}: unknown recipe {recipe!r}, expected one of {', '.join(RECIPES)}"
        )
    settings = RECIPES[recipe].evaluation
    if sequences:
        settings = tuple(s.model_copy(update={"sequences": sequences}) for s in settings)
    rows = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for setting in settings:
            name = " ".join(f"{k}={v}" for k, v in setting.sizes.items())
            bar = progress.add_task(name, total=setting.sequences)
            rows.append(
                evaluation.measure(
                    loaded,
                    task,
                    setting,
                    seed,
                    advance=lambda done, bar=bar: progress.advance(bar, done),  # type: ignore[misc]
                )
            )
    told = evaluation.as_json(task, rows)
    Console().print(evaluation.as_table(f"{version.name}/{version.version}", told))
    if write:
        repository.write_json(version.evaluation, told)
