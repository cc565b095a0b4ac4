"""The gate that work passes: counted while it runs, refused in a flood and at the end."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Draining, Overloaded, ServiceError, error_body
from service.keys import OPEN_PATHS
from service.waiting import has_waited_too_long

ALWAYS_OPEN = OPEN_PATHS | {"/metrics"}


class Work:
    """How much of it there is, and whether more is let in."""

    def __init__(self) -> None:
        self.running = 0  # requests that are not probes
        self.draining = False


class Gate:
    """Lets in what did not wait too long, until the service drains; probes and /metrics always."""

    def __init__(self, app: ASGIApp, work: Work) -> None:
        self.app, self._work = app, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 503, or pass the request on and count it until its answer has left."""
        if scope["type"] != "http" or scope["path"] in ALWAYS_OPEN:
            await self.app(scope, receive, send)
            return
        if self._work.draining:
            error: ServiceError = Draining("the service is shutting down", retry_after=5)
            await refuse(error, scope, receive, send, {"Connection": "close"})
            return
        if scope["method"] == "POST" and has_waited_too_long(scope):
            error = Overloaded("requests come faster than they can be read", retry_after=1)
            await refuse(error, scope, receive, send)
            return
        self._work.running += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._work.running -= 1


async def refuse(
    error: ServiceError,
    scope: Scope,
    receive: Receive,
    send: Send,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """503, without a look at the body."""
    scope.setdefault("state", {})["code"] = error.code
    headers = {"Retry-After": str(error.retry_after), **headers}
    body = error_body(str(error), error.code)
    await Response(body, error.status, headers, "application/json")(scope, receive, send)
