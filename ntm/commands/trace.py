"""`ntm trace`: every stage of one run in a file, as GET /trace/{trace_id}?format=npz has it."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from ntm.commands.example import Example, Interventions, MemorySlots, Seed, run
from ntm.record import tensors_of


def trace(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A model's folder, such as models/copy.")],
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("trace.npz"),
    seed: Seed = 1,
    memory_slots: MemorySlots = None,
    interventions: Interventions = None,
) -> None:
    """Record a run on an example of a model's task: ntm trace models/copy --length 20

    Further options are the task's sizes. The file has the arrays of GET /trace/ID?format=npz, with
    every stage of every head and the memory of every step.
    """
    example = run(path, context.args, seed, memory_slots, interventions)
    unrolled, record = example.unrolled, example.unrolled.record
    assert record is not None
    stages = {name: value[:, 0].numpy() for name, value in record._asdict().items()}
    tensors = {
        "inputs": example.inputs,
        "outputs": unrolled.outputs[:, 0].numpy(),
        "target": example.episode.targets[:, 0],
        **tensors_of(stages, example.model.config.num_reads),
    }
    named: dict[str, Any] = {"facts": np.array(json.dumps(facts_of(example))), **tensors}
    with out.open("wb") as file:
        np.savez_compressed(file, **named)
    Console(highlight=False, soft_wrap=True).print(f"{example.told}; every stage in {out}")


def facts_of(example: Example) -> dict[str, object]:
    """The facts of a trace, as GET /trace/{trace_id} tells them."""
    config, steps = example.model.config, len(example.unrolled.outputs)
    heads = {"read": config.num_reads, "write": config.num_writes}
    return {
        "model": example.version.name,
        "version": example.version.version,
        "engine": "pytorch",
        "steps": steps,
        "range": [0, steps],
        "memory_slots": example.unrolled.state.memory.shape[1],
        "heads": heads,
        "selected_heads": {kind: list(range(count)) for kind, count in heads.items()},
        "shifts": list(range(-config.max_shift, config.max_shift + 1)),
        "interventions": example.interventions,
    }
