"""`ntm import`: a checkpoint that another project has trained becomes one of ours."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ntm.foreign.sources import SOURCES, describe, find

Project = StrEnum("Project", {name: name for name in SOURCES})  # type: ignore[misc]


def import_checkpoint(
    file: Annotated[Path, typer.Argument(help="The checkpoint, as its project saved it.")],
    project: Annotated[
        Project | None, typer.Option("--from", help="The project whose file it is.")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--map", help="A YAML file that says what its tensors are; no --from then."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="What it was trained on, to measure it and to draw examples."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of the model; by default the file's, or the task's.")
    ] = None,
    memory_slots: Annotated[
        int | None, typer.Option(min=1, help="N, where any will do: a DNC's file does not tell it.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of models to write into.")] = Path("models"),
) -> None:
    """Read a checkpoint of another project: ntm import copy.model --from pytorch-ntm --task copy

    Nothing in the file is run: what it wants beyond tensors refuses it by name. The result is
    OUT/NAME/<next version> with the file's SHA-256, its project and its licence in config.json; it
    is exported, served, traced and measured like any other. Somebody else's weights keep their
    licence: read it before you pass them on.
    """
    from ntm.foreign.mapping import mapped
    from ntm.foreign.write import write

    if (project is None) == (mapping is None):
        raise typer.BadParameter("say either --from PROJECT or --map FILE")
    if mapping is not None:
        converted, origin = mapped(file, mapping)
    elif project is not None:
        source = find(project.value)
        converted, origin = source.read(file), describe(source)
    if memory_slots is not None:
        converted = converted.with_slots(memory_slots)
    chosen = name or re.sub(r"[^a-z0-9-]+", "-", (task or file.stem).lower()).strip("-")
    version = write(converted, file, out / chosen, task, origin)
    console = Console(stderr=True)
    console.print(f"{version.path}  {converted.config.summary}", soft_wrap=True, markup=False)
    console.print(
        f"Licence of the weights: {origin['licence']} ({origin['url']}).\n"
        f"Next: ntm export {version.path} && ntm eval {version.path}",
        soft_wrap=True,
        markup=False,
    )
