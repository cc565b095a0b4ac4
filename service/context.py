"""What every route works with, made once when the application starts."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from service.bodies import read_body
from service.drain import Work
from service.errors import UnsupportedMediaType
from service.headers import header
from service.metrics import Metrics
from service.models import Models
from service.settings import Settings
from service.statistics import Statistics
from service.store import Sessions, Traces


@dataclass
class Context:
    """Settings, models, traces, sessions and what is counted of one application."""

    settings: Settings
    models: Models
    traces: Traces
    sessions: Sessions
    metrics: Metrics
    statistics: Statistics
    clock: Callable[[], float] = field(default=time.time)
    work: Work = field(default_factory=Work)
    # Each holds tens of megabytes for as long as it takes.
    inspections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))


def context_of(request: Request) -> Context:
    """The context of the application that a request came to."""
    context: Context = request.app.state.context
    return context


def content_type(request: Request) -> str:
    """The media type of a body; JSON where none is told."""
    told = header(request.scope, b"content-type") or "application/json"
    return told.partition(";")[0].strip().lower()


async def read_json_body(request: Request, limit: int) -> bytes:
    """A request's body, refused as soon as it is too large.

    Raises:
        UnsupportedMediaType: it says that it is something else than JSON
        ServiceError: what `read_body` raises
    """
    kind = content_type(request)
    if kind not in ("application/json", "application/x-www-form-urlencoded"):
        raise UnsupportedMediaType(f"content-type should be application/json, got '{kind:.60}'")
    return await read_body(request, limit)
