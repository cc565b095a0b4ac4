"""The application: routes, one error shape, counted requests, a clean end."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api import (
    docs,
    events,
    health,
    insight,
    models,
    predict,
    repository,
    sessions,
    traces,
    v2,
    viewer,
)
from service.api.context import Context
from service.api.documents import deployment
from service.api.documents import errors as documented_errors
from service.api.documents.bodies import with_named_bodies
from service.api.documents.stages import with_stages
from service.contract.schemas import place
from service.errors import ServiceError, error_body, status_of
from service.http.error_boundary import ErrorBoundary
from service.http.exchange import Endpoints
from service.http.gate import Gate
from service.http.in_flight import InFlight
from service.http.key_file import KeyFile
from service.http.keys import Keys, owner
from service.http.rates import Rates
from service.http.request_scope import Front
from service.http.root_path import RootPath
from service.http.trailing_slash import TrailingSlash
from service.models.compiler import Compiler
from service.models.rollout import rolling_out
from service.models.served import Models, Observer
from service.operations import following
from service.settings import Settings, listed
from service.store import open_store
from service.telemetry.deferred import Afterwards
from service.telemetry.metrics import Metrics
from service.telemetry.request_log import RequestLog
from service.telemetry.statistics import Statistics

SPANS = "opentelemetry.sdk"  # without it nobody can want any

OpenModels = Callable[[Settings, Observer], Models]


class Application(FastAPI):
    """FastAPI with something of ours around all that it has of its own."""

    def __init__(
        self,
        around: Callable[[ASGIApp], ASGIApp],
        describe: Callable[[dict[str, Any]], dict[str, Any]],
        **told: Any,
    ) -> None:
        super().__init__(**told)
        self._around, self._describe = around, describe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See FastAPI, which finds out at every request whether somebody wants spans of it."""
        if self.middleware_stack is None or SPANS in sys.modules:
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await self.middleware_stack(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """See FastAPI; what it says of routes, and what is true of this deployment."""
        return self._describe(super().openapi())

    def build_middleware_stack(self) -> ASGIApp:
        """See Starlette, which calls this once."""
        return self._around(super().build_middleware_stack())


def create_app(settings: Settings, open_models: OpenModels = Models) -> FastAPI:
    """The application with its models loaded.

    Args:
        settings: of the service
        open_models: with engines in this process by default

    Raises:
        EngineUnavailable: the engine or device asked for cannot be had
        RepositoryError: there is no model to serve
        KeysRefused: the file of keys cannot be used
        StoreRefused: the store asked for cannot be had
    """
    statistics = Statistics(time.time)
    metrics, afterwards = Metrics(statistics), Afterwards()
    work = InFlight(settings.unread_timeout)
    store = open_store(settings, time.time, owner.get)
    context = Context(
        settings=settings,
        models=open_models(settings, statistics.observed),
        traces=store.traces,
        sessions=store.sessions,
        metrics=metrics,
        statistics=statistics,
        work=work,
        compiler=Compiler(settings.compiled_path),
        damage=store.damage,
    )
    metrics.watch(context.models)
    metrics.watch_memory(context.models.budget)
    keys = Keys(
        settings.keys,
        pages=viewer.PATHS | docs.PATHS,
        file=KeyFile(Path(settings.keys_file), time.monotonic) if settings.keys_file else None,
        rates=Rates(time.monotonic, settings.workers),
    )
    request_log, origins = RequestLog(metrics, afterwards), listed(settings.cors_origins)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        rollout = rolling_out(context.models, metrics, settings, context.compiler)
        async with rollout as running:
            context.look = partial(running.look, retry_broken=True)
            async with (
                following(context.operations),
                metrics.published(),
                over_grpc(context, keys, request_log),
            ):
                yield
        context.work.draining = True
        # On another thread: those given up free their places here meanwhile.
        await asyncio.to_thread(context.models.close)
        await store.close()

    def with_front(behind: ASGIApp) -> ASGIApp:
        """The application from outside in."""
        endpoints = [
            predict.endpoint(context),
            sessions.endpoint(context),
            *v2.endpoints(context),
        ]
        routes = Endpoints(TrailingSlash(ErrorBoundary(behind)), endpoints)
        inside: ASGIApp = Gate(routes, keys, work)
        if origins:
            inside = CORSMiddleware(inside, origins, allow_methods=["*"], allow_headers=["*"])
        front = Front(inside, request_log, context.models.budget)
        return RootPath(front, settings.root_path) if settings.root_path else front

    def describe(document: dict[str, Any]) -> dict[str, Any]:
        """The OpenAPI document with what is true of this deployment."""
        document = deployment.with_sizes(document, context.models)
        document = with_stages(document, (model.signature for model in context.models))
        document = with_named_bodies(document)
        if settings.root_path:
            document = deployment.with_root_path(document, settings.root_path)
        return deployment.with_keys(document) if settings.needs_key else document

    app = Application(
        with_front,
        describe,
        generate_unique_id_function=attrgetter("name"),
        title="Neural Turing Machine",
        version=version("neural-turing-machine"),
        description="Run trained Neural Turing Machines and look inside their memory.",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load scripts from elsewhere; routes/docs.py has its own
        redoc_url=None,
        redirect_slashes=False,  # they would lead to whatever Host says
    )
    app.state.context = context
    for router in (
        predict.router,
        sessions.router,
        events.router,
        traces.router,
        insight.router,
        models.router,
        v2.router,
        repository.router,
        docs.router,
    ):
        app.include_router(router, responses=documented_errors(401, 403, 429))
    app.include_router(health.router)
    app.include_router(viewer.router)
    app.add_exception_handler(ServiceError, on_service_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_crash)
    prepare_routes(app)
    return app


def over_grpc(
    context: Context, keys: Keys, request_log: RequestLog
) -> AbstractAsyncContextManager[object]:
    """What serves gRPC, where that is wanted."""
    if context.settings.grpc_port is None:
        return nullcontext()
    from service.grpc.server import serving  # optional, as is what it is made with

    return serving(context.settings, context, keys, request_log)


def prepare_routes(app: FastAPI) -> None:
    """Have FastAPI make the routes of included routers, which it does when one is looked for.

    The first request of all, mostly a probe, would wait for it, and everybody behind it.
    """
    nowhere = {"type": "http", "method": "GET", "path": "", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(nowhere)


def error_response(
    request: Request, message: str, code: str, status: int, retry_after: int | None = None
) -> Response:
    """The one shape of an error."""
    request.state.code = code
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response(error_body(message, code), status, headers, "application/json")


async def on_service_error(request: Request, error: Exception) -> Response:
    """An error of ours carries its own status and code."""
    assert isinstance(error, ServiceError)
    status = status_of(error, request.url.path)
    return error_response(request, str(error), error.code, status, error.retry_after)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """A query or path parameter of the wrong type."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field, told = place(first["loc"][1:]), first["msg"].removeprefix("Input should be ")
    message = f"{field} should be {told}, got {first['input']!r:.40}"
    if first["type"] == "missing":
        message = f"{field} is missing"
    return error_response(request, message, "invalid_request", 422)


async def on_http_error(request: Request, error: Exception) -> Response:
    """A path or method that is not there."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    message = f"{phrase}: {request.method} {request.url.path:.200}"
    code = phrase.lower().replace(" ", "_")
    response = error_response(request, message, code, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def on_crash(request: Request, error: Exception) -> Response:
    """A defect of ours: the log has the traceback, the client no internals."""
    return error_response(request, "internal error", "internal_error", 500)
