"""The `ntm` command. Each subcommand lives in `ntm.commands`; others may add theirs.

A package adds commands through the entry point group `ntm.commands` (the service adds `serve`).
"""

import sys
from importlib.metadata import entry_points

import typer
from rich.console import Console

from ntm.commands.evaluate import evaluate
from ntm.commands.export import export
from ntm.commands.train import train
from ntm.repository import RepositoryError

app = typer.Typer(
    name="ntm",
    help="Train, evaluate, export, serve and look inside Neural Turing Machines.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(train)
app.command("eval")(evaluate)
app.command()(export)


def main() -> None:
    """Run the command line; what a user can mend is one sentence, not a traceback."""
    for command in sorted(entry_points(group="ntm.commands"), key=lambda e: e.name):
        app.command(command.name)(command.load())
    try:
        app()
    except RepositoryError as error:
        Console(stderr=True).print(f"[red]error:[/] {error}", highlight=False)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx", "onnxruntime"):
            raise
        extra = "cpu" if error.name == "onnxruntime" else "train"
        Console(stderr=True).print(
            f"[red]error:[/] this command needs {error.name}: pip install 'ntm\\[{extra}]'",
            highlight=False,
        )
        sys.exit(1)
