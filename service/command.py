"""`ntm serve`: start the service."""

import logging
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from service.settings import Settings, describe

# Seconds. Engine and store come back from outside the interpreter many times a request, and each
# time wait for it so long at most; the default of 5 ms is longer than a whole chunk.
SWITCH_INTERVAL = 0.0005


def serve(
    host: Annotated[str | None, typer.Option(help="Instead of NTM_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Instead of NTM_PORT.")] = None,
    models: Annotated[Path | None, typer.Option(help="Instead of NTM_MODELS.")] = None,
    engine: Annotated[str | None, typer.Option(help="Instead of NTM_ENGINE.")] = None,
    device: Annotated[str | None, typer.Option(help="Instead of NTM_DEVICE.")] = None,
) -> None:
    """Serve the models of a repository over HTTP."""
    import uvicorn

    from ntm.repository import RepositoryError
    from service.app import create_app
    from service.engines import EngineUnavailable

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    sys.setswitchinterval(SWITCH_INTERVAL)
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "models": models,
        "engine": engine,
        "device": device,
    }
    try:
        settings = Settings(**{k: v for k, v in given.items() if v is not None})
        app = create_app(settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"NTM_{str(first['loc'][0]).upper()}"
        stop(f"{name}: {first['msg']}, got {first['input']!r}")
    except (EngineUnavailable, RepositoryError) as error:
        stop(str(error))
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        timeout_graceful_shutdown=round(settings.drain_timeout),
    )


def stop(reason: str) -> NoReturn:
    """Say why the service does not start, and end."""
    print(f"error: {reason}", file=sys.stderr)
    raise typer.Exit(1)


serve.__doc__ = f"""{serve.__doc__}

Settings are environment variables (options above win):

\b
{describe()}

Try it: curl localhost:8000/models, or open http://localhost:8000/docs
"""
