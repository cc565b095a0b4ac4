"""`ntm predict`: let a model answer one example, and look at it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def predict(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A model of --models, such as copy.")],
    seed: Annotated[int, typer.Option(min=0, help="Of the example.")] = 1,
    memory_slots: Annotated[int | None, typer.Option(min=1, help="N; enough by default.")] = None,
    show: Annotated[bool, typer.Option(help="Draw it in the terminal.")] = False,
    repository: Annotated[Path, typer.Option("--models", help="The folder of models.")] = Path(
        "models"
    ),
) -> None:
    """Run a model on an example of its task: ntm predict copy --length 12 --show

    Further options are the task's sizes (GET /models/NAME lists them as example_sizes). Drawn are
    input, target and output with wrong bits in red, and the slots that every head looks at.
    """
    import torch

    from ntm import checkpoint, seeds
    from ntm.repository import find
    from ntm.terminal import draw

    version = find(repository / name)
    task = version.description().make_task()
    try:
        sizes = task.complete(sizes_of(context.args))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    model = checkpoint.load(version)
    slots = memory_slots or max(model.config.N, task.slots_needed(sizes))
    episode = task.sample(seeds.generator("example", seed), 1, **sizes)
    with torch.inference_mode():
        unrolled = model.unroll(
            torch.from_numpy(episode.inputs), memory_slots=slots, record="addressing"
        )
    assert unrolled.record is not None
    outputs = unrolled.outputs.numpy()
    weightings = unrolled.record.weighting[:, 0].numpy()
    console = Console(width=max(80, len(outputs) + 12), highlight=False)
    if show:
        tensors = {
            "inputs": episode.inputs[:, 0],
            "target": episode.targets[:, 0],
            "outputs": outputs[:, 0],
            "read_weightings": weightings[:, : model.config.num_reads],
            "write_weightings": weightings[:, model.config.num_reads :],
        }
        for line in draw(tensors):
            console.print(line)
    wrong = task.error(outputs, episode.targets)[0]
    told = " ".join(f"{size} {value}" for size, value in sizes.items())
    console.print(f"{name}/{version.version} {told}, {slots} slots: {wrong:g} {task.unit}")


def sizes_of(arguments: list[str]) -> dict[str, int]:
    """`--length 12` and `--length=12` as {"length": 12}.

    Raises:
        ValueError: an argument is no option, or its value no integer
    """
    words = [word for argument in arguments for word in argument.split("=", 1)]
    sizes: dict[str, int] = {}
    for option, value in zip(words[::2], [*words[1::2], ""], strict=False):
        if not option.startswith("--") or not value.lstrip("-").isdecimal():
            raise ValueError(f"expected sizes such as --length 12, got {option} {value}".rstrip())
        sizes[option.removeprefix("--").replace("-", "_")] = int(value)
    return sizes
