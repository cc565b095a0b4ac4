"""What every route works with, made once when the application starts."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property

from fastapi import Request

from service.api.examples import Examples
from service.api.recording import TraceWriter
from service.api.subscriptions import Subscriptions
from service.errors import UnknownField, UnsupportedMediaType
from service.http.bodies import read_body
from service.http.headers import header
from service.http.in_flight import InFlight
from service.models.compiler import Compiler
from service.models.served import Models
from service.operations import Choice, Operations, set_log_level
from service.settings import Settings
from service.store import Sessions, Traces
from service.store.damage import Damage
from service.telemetry.metrics import Metrics
from service.telemetry.statistics import Statistics

JSON = "application/json"


@dataclass
class Context:
    """Settings, models, traces, sessions and what is counted of one application."""

    settings: Settings
    models: Models
    traces: Traces
    sessions: Sessions
    metrics: Metrics
    statistics: Statistics
    compiler: Compiler
    damage: Damage
    clock: Callable[[], float] = field(default=time.time)
    work: InFlight = field(default_factory=InFlight)
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    examples: Examples = field(default_factory=Examples)
    operations: Operations = field(init=False)
    look: Callable[[], Awaitable[None]] = field(init=False)  # at the repository, now
    # Each holds tens of megabytes for as long as it takes.
    inspections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    def __post_init__(self) -> None:
        self.operations = Operations(self.settings.data, self._operate)
        self.look = self._no_look

    async def _no_look(self) -> None:
        """Before the service runs."""

    async def _operate(self, chosen: Choice) -> None:
        """Do what an operator chose."""
        set_log_level(chosen.log_level)
        if chosen.unloaded != self.models.unloaded:
            self.models.unloaded = chosen.unloaded
            await self.look()

    @cached_property
    def trace_writer(self) -> TraceWriter:
        """Stores the traces of all requests, those together that end together."""
        return TraceWriter(self.traces, self.clock)


def context_of(request: Request) -> Context:
    """The context of the application that a request came to."""
    context: Context = request.app.state.context
    return context


def content_type(request: Request) -> str:
    """The media type of a body; JSON where none is told."""
    return media_of(header(request.scope, b"content-type"))


def media_of(content_type: str | None) -> str:
    """The media type that a Content-Type header names; JSON where there is none."""
    if not content_type or content_type == JSON:
        return JSON
    return content_type.partition(";")[0].strip().lower()


def refuse_unknown_parameters(request: Request) -> None:
    """Let no parameter of the query pass unseen: what is misspelt asks for something else.

    Raises:
        UnknownField: the route has no such parameter
    """
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            expected = f"expected one of {', '.join(known)}" if known else "there are none here"
            raise UnknownField(f"unknown parameter '{name:.64}', {expected}")


async def read_json_body(request: Request, limit: int) -> bytes:
    """A request's body, refused as soon as it is too large.

    Raises:
        UnsupportedMediaType: it says that it is something else than JSON
        ServiceError: what `read_body` raises
    """
    refuse_unless_json(content_type(request))
    return await read_body(request.scope, request.receive, limit)


def refuse_unless_json(media: str) -> None:
    """curl says of JSON that it is a form, unless told otherwise.

    Raises:
        UnsupportedMediaType: it is neither
    """
    if media not in (JSON, "application/x-www-form-urlencoded"):
        raise UnsupportedMediaType(f"content-type should be application/json, got '{media:.60}'")
