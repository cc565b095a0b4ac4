"""The `ntm` command: a table of subcommands, each imported when it is used.

A package adds commands through the entry point group `ntm.commands` (the service adds `serve`).
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

DISTRIBUTION = "neural-turing-machine"
GROUP = "ntm.commands"
ALL_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}
EXTRAS = {
    "torch": "cpu,train",
    "onnx": "cpu,train",
    "onnxruntime": "cpu",
    "yaml": "cpu,train",
}  # by missing package


class Command(NamedTuple):
    """A command of this library: a function's name in a module, and what `ntm --help` says."""

    module: str
    function: str
    summary: str
    takes_sizes: bool = False  # further options are the sizes of the model's task


COMMANDS = {
    "train": Command(
        "ntm.commands.train", "train", "Train a model on a task, ours or your own.", True
    ),
    "import": Command(
        "ntm.commands.import_checkpoint",
        "import_checkpoint",
        "Make a model of another project's checkpoint.",
    ),
    "eval": Command("ntm.commands.evaluate", "evaluate", "Measure models, write evaluation.json."),
    "export": Command("ntm.commands.export", "export", "Export a model's graphs, checked."),
    "card": Command("ntm.commands.card", "card", "Write the model card and its figure."),
    "sweep": Command("ntm.commands.sweep", "sweep", "Try settings of a training.", True),
    "publish": Command("ntm.commands.publish", "publish", "Put a model where it is served."),
    "predict": Command("ntm.commands.predict", "predict", "Run a model on an example.", True),
    "ask": Command("ntm.commands.ask", "ask", "Tell a model a story and ask it."),
    "trace": Command("ntm.commands.trace", "trace", "Record every stage of a run.", True),
    "plot": Command("ntm.commands.plot", "plot", "Draw a run or a trace.", True),
}
SUMMARIES = {"serve": "Serve the models of a repository over HTTP."}  # of known entry points


def main() -> None:
    """Run the command line; what a user can mend is one sentence, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without a character shows a question mark
            stream.reconfigure(errors="replace")
    try:
        application()()
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        install = f"pip install '{DISTRIBUTION}[{EXTRAS[error.name]}]'"
        complain(f"this command needs {error.name}: {install}")
    except OSError as error:
        if error.filename is None:
            raise
        complain(f"{error.filename}: {error.strerror}")
    except Exception as error:
        from ntm.repository.folders import RepositoryError

        if not isinstance(error, RepositoryError):
            raise
        complain(str(error))


class Commands(TyperGroup):
    """Help lists summaries; the command that is called or completed is imported then."""

    def resolve_command(self, *given: Any) -> Any:
        """The name of a command, the command, and the arguments that are left for it."""
        name, stub, rest = super().resolve_command(*given)
        return name, stub and find(str(name)), rest


def application() -> typer.Typer:
    """All commands; none of them is imported yet."""
    app = typer.Typer(
        name="ntm",
        cls=Commands,
        help="Train, evaluate, export, serve and look inside Neural Turing Machines.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # Rich takes longer to import than all else here
    )
    app.callback()(options)
    summaries = {name: command.summary for name, command in COMMANDS.items()}
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        summaries[entry.name] = SUMMARIES.get(entry.name, f"From {entry.value}.")
    for name, summary in summaries.items():
        app.command(name, help=summary)(stub)
    return app


def stub() -> None:
    """Stands for a command that is not imported yet; never called."""


def show_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        typer.echo(f"{DISTRIBUTION} {version(DISTRIBUTION)}")
        raise typer.Exit


def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show it and stop.", callback=show_version)
    ] = False,
) -> None:
    """Options before the command."""


def find(name: str) -> Any:
    """Import the command of this name."""
    if command := COMMANDS.get(name):
        function = load(command)
        settings = ALL_ARGUMENTS if command.takes_sizes else {}
    else:
        (entry,) = entry_points(group=GROUP, name=name)
        function, settings = load_entry(entry), {}
    single = typer.Typer(add_completion=False)
    single.command(context_settings=settings)(function)
    return get_command(single)


def load(command: Command) -> Callable[..., Any]:
    """Import a command of this library."""
    loaded: Callable[..., Any] = getattr(import_module(command.module), command.function)
    return loaded


def load_entry(entry: EntryPoint) -> Callable[..., Any]:
    """Import a command of another package; where that fails, say so in one sentence."""
    package = entry.module.partition(".")[0]
    if entry.dist is not None and entry.dist.name == DISTRIBUTION:
        prefer_own(package)
    try:
        loaded: Callable[..., Any] = entry.load()
    except (ImportError, AttributeError, OSError) as error:
        if getattr(error, "name", None) in EXTRAS:
            raise
        complain(
            f"the command {entry.name} cannot be loaded from {entry.value} ({error}): is another "
            f"{package} on the Python path, such as a folder of that name?"
        )
    return loaded


def prefer_own(package: str) -> None:
    """Find a package where this one lies, also where the path has another of its name first."""
    home = Path(__file__).parents[1]
    found = find_spec(package)
    if found is None or found.origin != str(home / package / "__init__.py"):
        sys.path.insert(0, str(home))


def complain(sentence: str) -> NoReturn:
    """Say on one line of stderr what is wrong, and exit with 1."""
    from rich.console import Console
    from rich.markup import escape

    Console(stderr=True).print(
        f"[red]error:[/] {escape(sentence)}", highlight=False, soft_wrap=True
    )
    sys.exit(1)
