"""Probes and metrics: answered without touching a queue."""

import asyncio
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.context import context_of
from service.api.documents import errors
from service.api.documents.v2 import ServerLive, ServerReady
from service.contract.encodings import to_json
from service.errors import StoreUnavailable

METRICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    **errors(401),
}

STORE_PATIENCE = 0.5  # seconds; a store that is busy does not keep /metrics from answering

router = APIRouter(tags=["health"])


@router.head("/v2/health/live", include_in_schema=False)
@router.get("/v2/health/live", responses={200: {"model": ServerLive}})
async def live(request: Request) -> Response:
    """The process runs."""
    return Response(to_json({"live": True}, {}), media_type="application/json")


@router.head("/v2/health/ready", include_in_schema=False)
@router.get(
    "/v2/health/ready", responses={200: {"model": ServerReady}, 503: {"model": ServerReady}}
)
async def ready(request: Request) -> Response:
    """Models are loaded and requests are taken; 503 once the service is shutting down."""
    is_ready = not context_of(request).work.draining
    return Response(
        to_json({"ready": is_ready}, {}),
        status_code=200 if is_ready else 503,
        media_type="application/json",
    )


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", responses=METRICS)
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    context = context_of(request)
    with suppress(TimeoutError, StoreUnavailable):
        async with asyncio.timeout(STORE_PATIENCE):
            context.metrics.holds("traces", *await context.traces.usage())
            context.metrics.holds("sessions", *await context.sessions.usage())
    context.metrics.damaged(context.damage.count)
    text = context.metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
