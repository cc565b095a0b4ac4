"""A short way to the routes that are asked most: the same functions, without a router's search.

FastAPI's own way to a function (its router, exit stacks, dependencies) takes longer than to read,
compute and answer a short sequence. The routes stay there too, for the API's document, for spans,
and for a service that is mounted under a prefix.
"""

from collections.abc import Awaitable, Callable, Iterable

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ServiceError

Endpoint = Callable[[Request], Awaitable[Response]]
OnError = Callable[[Request, Exception], Awaitable[Response]]


class Shortcut:
    """Middleware that answers requests for some routes itself."""

    def __init__(self, app: ASGIApp, routes: Iterable[APIRoute], on_error: OnError) -> None:
        """Know the routes.

        Args:
            app: what answers all others
            routes: without path parameters; their functions take the request and nothing else
            on_error: the answer to a ServiceError
        """
        self._app, self._on_error = app, on_error
        self._routes = {(method, r.path): r for r in routes for method in r.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        told = scope["type"] == "http" and "fastapi.telemetry" not in scope
        route = self._routes.get((scope["method"], scope["path"])) if told else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive)
        try:
            response = await route.endpoint(request)
        except ServiceError as error:
            response = await self._on_error(request, error)
        await response(scope, receive, send)
