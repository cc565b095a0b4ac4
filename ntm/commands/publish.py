"""`ntm publish`: from a training to a model that is served."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ntm.commands.evaluate import measure, measured
from ntm.repository.folders import MODELS, VersionFolder, find


def publish(
    run: Annotated[Path, typer.Argument(help="A trained model, such as runs/reverse.")],
    models: Annotated[Path, typer.Argument(help="The repository that is served.")] = MODELS,
    name: Annotated[
        str | None, typer.Option(help="What it is called there; by default as it is now.")
    ] = None,
    sequences: Annotated[
        int | None, typer.Option(min=1, help="To measure for every setting; else the recipe's.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
) -> None:
    """Put a model into a repository: ntm publish runs/reverse models

    It is measured, exported and gets its card, all in a copy that becomes the next version at once.
    A service of that repository finds it within NTM_POLL seconds. What was measured already on
    these weights is not measured again.
    """
    from ntm.architectures.catalogue import UnknownArchitecture
    from ntm.cli import complain
    from ntm.evaluation.card import write_card
    from ntm.export.check import ExportError
    from ntm.export.write import export_onnx
    from ntm.repository import publishing

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    version = find(run)
    publishing.check_run(version)
    called = name or version.name
    if (there := publishing.find_published(version, models, called)) is not None:
        console.print(f"{version.path} is published already, as {there.path}.", markup=False)
        return

    def complete(copy: VersionFolder) -> None:
        description = copy.description()
        if description.make_task() is None:
            console.print(f"1/3 not measured: {description.why_unknown()}", markup=False)
        elif measured(copy) is None:
            console.print("1/3 measuring ...")
            evaluated = measure(copy, 1, sequences, threads, True, False)
            console.print(f"    {summary(evaluated['results'], evaluated['unit'])}")
        else:
            console.print("1/3 measured already")
        console.print("2/3 exporting, every graph checked against the model ...")
        differences: list[float] = []
        export_onnx(copy, lambda done: differences.append(done.difference))
        console.print(f"    {len(differences)} graphs, none off by over {max(differences):.1e}")
        console.print("3/3 writing its card")
        write_card(copy)

    try:
        done = publishing.publish(version, models, called, complete)
    except (ExportError, UnknownArchitecture) as error:
        complain(str(error))
    console.print(f"Published {done.path}. Next: ntm serve {models}", markup=False)


def summary(rows: list[dict[str, float]], unit: str) -> str:
    """What was measured, on one line."""
    perfect = ", ".join(f"{row['perfect']:.0%}" for row in rows)
    errors = ", ".join(f"{row['mean']:.2f}" for row in rows)
    return f"{unit}: {errors}; without any: {perfect}"
