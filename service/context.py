"""What every route works with, made once when the application starts."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from service.drain import Work
from service.errors import BodyTooLarge, UnsupportedMediaType
from service.metrics import Metrics
from service.models import Models
from service.settings import Settings
from service.store import SessionStore, TraceStore


@dataclass
class Context:
    """Settings, models, traces, sessions and metrics of one application."""

    settings: Settings
    models: Models
    traces: TraceStore
    sessions: SessionStore
    metrics: Metrics
    clock: Callable[[], float] = field(default=time.time)
    work: Work = field(default_factory=Work)


def context_of(request: Request) -> Context:
    """The context of the application that a request came to."""
    context: Context = request.app.state.context
    return context


async def read_json_body(request: Request, limit: int) -> bytes:
    """A request's body, refused as soon as it is too large.

    Raises:
        BodyTooLarge: it has more than `limit` bytes
        UnsupportedMediaType: it says that it is something else than JSON
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if kind not in ("application/json", "application/x-www-form-urlencoded"):
        raise UnsupportedMediaType(f"content-type should be application/json, got '{kind:.60}'")
    too_large = BodyTooLarge(f"the body should have at most {limit} bytes")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise too_large
    return bytes(body)
