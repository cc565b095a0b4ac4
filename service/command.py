"""`ntm serve`: start the service."""

import importlib.util
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.markup import escape

from service.environment import UnknownSetting
from service.settings import Settings, describe


def serve(
    path: Annotated[
        Path | None,
        typer.Argument(help="A folder of models, one model or version of it, or its name."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Instead of NTM_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Instead of NTM_PORT.")] = None,
    models: Annotated[Path | None, typer.Option(help="Instead of NTM_MODELS.")] = None,
    engine: Annotated[str | None, typer.Option(help="Instead of NTM_ENGINE.")] = None,
    device: Annotated[str | None, typer.Option(help="Instead of NTM_DEVICE.")] = None,
    workers: Annotated[int | None, typer.Option(help="Instead of NTM_WORKERS.")] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help="Serve on a Ray cluster.")] = False,
) -> None:
    """Serve the models of a repository over HTTP."""
    from ntm.repository.folders import RepositoryError
    from service import operations
    from service.engines import EngineUnavailable
    from service.http.key_file import KeysRefused
    from service.process.balance import alone
    from service.process.server import listen
    from service.process.workers import Supervisor
    from service.process.workers import serve as serve_here
    from service.store import StoreRefused
    from service.telemetry import logs

    logs.configure()
    if path is not None and models is not None:
        stop(f"name the models once: PATH is {path}, --models is {models}")
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "models": models if path is None else locate(path),
        "engine": engine,
        "device": device,
        "workers": workers,
    }
    try:
        settings = Settings.from_environment(**{k: v for k, v in given.items() if v is not None})
    except UnknownSetting as error:
        stop(str(error))
    except ValidationError as error:
        first = error.errors()[0]
        name = f"NTM_{str(first['loc'][0]).upper()}"
        stop(f"{name}: {first['msg']}, got {first['input']!r}")
    if cluster:
        raise typer.Exit(serve_on_cluster(settings))
    try:
        listener = listen(settings)
    except OSError as error:
        stop(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}")
    settings, _reserved = with_grpc_port(settings)
    operations.forget(settings.data)
    if settings.workers > 1:
        raise typer.Exit(Supervisor(settings, listener).run())
    try:
        serve_here(settings, listener, alone())
    except (EngineUnavailable, KeysRefused, RepositoryError, StoreRefused) as error:
        stop(str(error))
    except (OSError, sqlite3.Error) as error:
        stop(f"cannot keep traces in {settings.store_path} (NTM_DATA, NTM_STORE): {error}")


def with_grpc_port(settings: Settings) -> tuple[Settings, socket.socket | None]:
    """The settings with the port that gRPC gets, and what keeps it; both as they are without."""
    if settings.grpc_port is None:
        return settings, None
    if importlib.util.find_spec("grpc") is None:
        stop("NTM_GRPC_PORT needs gRPC: pip install 'neural-turing-machine[grpc]'")
    from service.grpc.server import reserve

    try:
        reserved = reserve(settings.host, settings.grpc_port)
    except OSError as error:
        stop(f"cannot listen on {settings.host}:{settings.grpc_port}: {error.strerror}")
    return settings.model_copy(update={"grpc_port": reserved.getsockname()[1]}), reserved


def locate(path: Path) -> Path:
    """A folder, or a model of `models/` or of the wheel by its name."""
    from ntm.repository.folders import MODELS, SHIPPED

    named = [path, MODELS / path, SHIPPED / path]
    return next((place for place in named if place.exists()), path)


def serve_on_cluster(settings: Settings) -> int:
    """Serve with Ray until a signal ends it; the exit code."""
    from ntm.repository.folders import RepositoryError

    if importlib.util.find_spec("ray") is None:
        stop("--cluster needs Ray: pip install 'neural-turing-machine[cluster]'")
    from service.cluster.run import run

    try:
        return run(settings)
    except (ConnectionError, RepositoryError, RuntimeError) as error:
        stop(str(error))


def stop(reason: str) -> NoReturn:
    """Say why the service does not start, and end."""
    print(f"error: {reason}", file=sys.stderr)
    raise typer.Exit(1)


serve.__doc__ = f"""{serve.__doc__}

Settings are environment variables (options win):

\b
{escape(describe())}

Try it: curl localhost:8000/models, or open http://localhost:8000/docs
"""
