"""`ntm predict`: let a model answer one example, and look at it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from ntm.commands.example import Example, Interventions, MemorySlots, Seed, draw_example
from ntm.interventions.items import InterventionError
from ntm.repository.folders import MODELS, RepositoryError, VersionFolder
from ntm.terminal import PLAIN, Focus, draw

Array = NDArray[np.float32]
Observer = Callable[[dict[str, Array]], object]
Run = Callable[[Array, int, Sequence[Any], Observer | None], Array]


def predict(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A model of --models, such as copy, or a folder.")],
    seed: Seed = 1,
    memory_slots: MemorySlots = None,
    interventions: Interventions = None,
    show: Annotated[bool, typer.Option(help="Draw it in the terminal.")] = False,
    repository: Annotated[Path, typer.Option("--models", help="The folder of models.")] = MODELS,
) -> None:
    """Run a model on an example of its task: ntm predict copy --length 12 --show

    Further options are the task's sizes (GET /models/NAME lists them as example_sizes). Drawn are
    input, target and output with wrong bits in red, and the slots that every head looks at.
    """
    example = draw_example(Path(name), context.args, seed, memory_slots, interventions, repository)
    heads: dict[str, Focus] = {}
    outputs = run(example, partial(gather, heads) if show else None)
    console = Console(width=max(80, len(outputs) + 12), highlight=False)
    if show:
        tensors = {
            "inputs": example.episode.inputs[:, 0],
            "target": example.episode.targets[:, 0],
            "outputs": outputs,
        }
        for line in draw(tensors, writes_first(heads)):
            if not console.encoding.startswith("utf"):
                line.plain = line.plain.translate(PLAIN)
            console.print(line)
    console.print(example.summary(outputs))


def writes_first(heads: dict[str, Focus]) -> dict[str, Focus]:
    """Write heads before read heads, as a step of the paper's figures has them."""
    return dict(sorted(heads.items(), key=lambda item: not item[0].startswith("write")))


def gather(heads: dict[str, Focus], weightings: dict[str, Array]) -> None:
    """Add weightings [K, heads, N] of some steps to what each head looks at."""
    for side, value in weightings.items():
        for head in range(value.shape[1]):
            name = f"{side.removesuffix('_weightings')} {head}"
            heads.setdefault(name, Focus()).add(value[:, head])


def run(example: Example, observe: Observer | None) -> Array:
    """The outputs [T, output_size], by the exported graphs or, where there are none, by the model.

    Args:
        example: to run
        observe: told of the weightings [K, heads, N] by side as they come; nothing else is kept
    Raises:
        BadParameter: an intervention does not fit
        RepositoryError: the model is not exported, and there is no torch to run it without
    """
    try:
        return runner(example.version)(
            example.episode.inputs[:, 0], example.slots, example.interventions, observe
        )
    except InterventionError as error:
        raise typer.BadParameter(str(error)) from None


def runner(version: VersionFolder) -> Run:
    """What runs a model."""
    try:
        from ntm.runs.exported import ExportedModel

        return ExportedModel(version).predict
    except ModuleNotFoundError:
        from ntm.runs.eager import EagerModel
    except RepositoryError as not_exported:
        try:
            from ntm.runs.eager import EagerModel
        except ModuleNotFoundError:
            raise not_exported from None
    return EagerModel(version).predict
