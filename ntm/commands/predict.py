"""`ntm predict`: let a model answer one example, and look at it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ntm.commands.example import Interventions, MemorySlots, Seed, run
from ntm.repository.folders import MODELS


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
    from ntm.terminal import PLAIN, draw

    example = run(Path(name), context.args, seed, memory_slots, interventions, repository)
    unrolled, episode = example.unrolled, example.episode
    assert unrolled.record is not None
    outputs, reads = unrolled.outputs.numpy(), example.model.config.num_reads
    weightings = unrolled.record.weighting[:, 0].numpy()
    console = Console(width=max(80, len(outputs) + 12), highlight=False)
    if show:
        tensors = {
            "inputs": episode.inputs[:, 0],
            "target": episode.targets[:, 0],
            "outputs": outputs[:, 0],
            "read_weightings": weightings[:, :reads],
            "write_weightings": weightings[:, reads:],
        }
        for line in draw(tensors):
            if not console.encoding.startswith("utf"):
                line.plain = line.plain.translate(PLAIN)
            console.print(line)
    console.print(example.told)
