"""The door: who may enter, and the short way to the routes that are asked most.

FastAPI's own way to a function (its middlewares, router, exit stacks, dependencies) takes longer
than to read, compute and answer a short sequence. The routes stay there too, for the API's
document, for spans, and for a service that is mounted under a prefix.
"""

from collections.abc import Awaitable, Callable, Iterable

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Draining, ServiceError, Unauthorized, error_body
from service.http.compression import compressed
from service.http.in_flight import InFlight
from service.http.keys import Keys, owner

OnError = Callable[[Request, Exception], Awaitable[Response]]

HEADERS = {Unauthorized: {"WWW-Authenticate": "Bearer"}, Draining: {"Connection": "close"}}


class Door:
    """Lets in who has a key while the service is open, and answers some routes itself."""

    def __init__(
        self,
        app: ASGIApp,
        keys: Keys,
        work: InFlight,
        routes: Iterable[APIRoute],
        on_error: OnError,
        on_crash: OnError,
    ) -> None:
        """Know who may enter, and the way.

        Args:
            app: what answers all other routes
            keys: of those that may enter
            work: is counted here
            routes: without path parameters; their functions take the request and nothing else
            on_error: the answer to a ServiceError
            on_crash: the answer to any other
        """
        self._app, self._keys, self._work = app, keys, work
        self._routes = {(method, r.path): r for r in routes for method in r.methods or ()}
        self._on_error, self._on_crash = on_error, on_crash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or let it in and count it until its answer has left."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            whose = self._keys.owner_of(scope)
            counts = scope["type"] == "http" and self._work.counts(scope)
        except ServiceError as error:
            await refuse(error, scope, receive, send)
            return
        token = owner.set(whose)
        self._work.running += counts
        try:
            route = self._routes.get((scope.get("method", ""), scope["path"]))
            if route is None or "fastapi.telemetry" in scope:
                await compressed(self._app, scope)(scope, receive, send)
            else:
                await self._answer(route, scope, receive, send)
        finally:
            self._work.running -= counts
            owner.reset(token)

    async def _answer(self, route: APIRoute, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = route
        request = Request(scope, receive)
        try:
            response: Response = await route.endpoint(request)
        except ServiceError as error:
            response = await self._on_error(request, error)
        except Exception as error:
            await (await self._on_crash(request, error))(scope, receive, send)
            raise
        await compressed(response, scope)(scope, receive, send)


async def refuse(error: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    """The answer of a closed door, without a look at the body; a WebSocket is closed."""
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1008})
        return
    scope.setdefault("state", {})["code"] = error.code
    headers = dict(HEADERS.get(type(error), {}))
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    body = error_body(str(error), error.code)
    await Response(body, error.status, headers, "application/json")(scope, receive, send)
