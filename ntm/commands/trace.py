"""`ntm trace`: every stage of one run in a file, as GET /trace/{trace_id}?format=npz has it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ntm.commands.example import Interventions, MemorySlots, Seed, draw_example


def trace(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A model's folder or its name, such as copy.")],
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("trace.npz"),
    seed: Seed = 1,
    memory_slots: MemorySlots = None,
    interventions: Interventions = None,
) -> None:
    """Record a run on an example of a model's task: ntm trace models/copy --length 20

    Further options are the task's sizes. The file has the arrays of GET /trace/ID?format=npz, with
    every stage of every head and the memory of every step.
    """
    example = draw_example(path, context.args, seed, memory_slots, interventions)
    recorded = example.record()
    out.parent.mkdir(parents=True, exist_ok=True)
    recorded.to_npz(out)
    summary = example.summary(recorded["outputs"])
    Console(highlight=False, soft_wrap=True).print(f"{summary}; every stage in {out}")
