"""Admission of requests: an API key, no flood, no shutdown."""

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Draining, ServiceError, Unauthorized, error_body
from service.http.in_flight import InFlight
from service.http.keys import Keys, owner

HEADERS = {Unauthorized: {"WWW-Authenticate": "Bearer"}, Draining: {"Connection": "close"}}


class Gate:
    """Refuses requests, or passes them on and counts them until their answer has left."""

    def __init__(self, app: ASGIApp, keys: Keys, work: InFlight) -> None:
        """Guard an application.

        Args:
            app: what answers admitted requests
            keys: any of which admits a request
            work: what is counted, and refused in a flood and at the end
        """
        self._app, self._keys, self._work = app, keys, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            name = self._keys.owner_of(scope)
            counts = scope["type"] == "http" and self._work.counts(scope)
        except ServiceError as error:
            await refuse(error, scope, receive, send)
            return
        owner.set(name)  # of the request's task, which ends with it
        self._work.running += counts
        try:
            await self._app(scope, receive, send)
        finally:
            self._work.running -= counts


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
