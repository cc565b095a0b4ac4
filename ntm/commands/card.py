"""`ntm card`: tell and show what a model does."""

from pathlib import Path
from typing import Annotated

import typer


def card(
    model: Annotated[Path, typer.Argument(help="A model's folder or name, or one version of it.")],
) -> None:
    """Write the model card (README.md and figure.png) from config.json and evaluation.json."""
    from ntm.evaluation.card import write_card
    from ntm.repository import folders

    version = folders.find(model)
    write_card(version)
    typer.echo(f"wrote {version.card}")
