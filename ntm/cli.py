"""The `ntm` command. Each subcommand lives in `ntm.commands`; others may add theirs.

A package adds commands through the entry point group `ntm.commands` (the service adds `serve`).
"""

import sys
from importlib.metadata import entry_points
from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from ntm.commands.card import card
from ntm.commands.evaluate import evaluate
from ntm.commands.export import export
from ntm.commands.plot import plot
from ntm.commands.predict import predict
from ntm.commands.trace import trace
from ntm.commands.train import train
from ntm.repository.folders import RepositoryError

app = typer.Typer(
    name="ntm",
    help="Train, evaluate, export, serve and look inside Neural Turing Machines.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(train)
app.command("eval")(evaluate)
app.command()(export)
app.command()(card)
for command in (predict, trace, plot):  # whose further options are the sizes of a task
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
        command
    )


def main() -> None:
    """Run the command line; what a user can mend is one sentence, not a traceback."""
    for command in sorted(entry_points(group="ntm.commands"), key=lambda e: e.name):
        app.command(command.name)(command.load())
    try:
        app()
    except RepositoryError as error:
        complain(str(error))
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx", "onnxruntime"):
            raise
        extras = "cpu" if error.name == "onnxruntime" else "cpu,train"
        install = f"pip install -c .ci/constraints.txt -e '.[{extras}]'"
        complain(f"this command needs {error.name}: in the checkout, {install}")


def complain(sentence: str) -> NoReturn:
    """Say on one line of stderr what is wrong, and exit with 1."""
    Console(stderr=True).print(
        f"[red]error:[/] {escape(sentence)}", highlight=False, soft_wrap=True
    )
    sys.exit(1)
