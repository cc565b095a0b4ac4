"""The gate that work passes: counted while it runs, refused once the service is shutting down."""

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Draining, error_body
from service.keys import OPEN_PATHS

ALWAYS_OPEN = OPEN_PATHS | {"/metrics"}


class Work:
    """How much of it there is, and whether more is let in."""

    def __init__(self) -> None:
        self.running = 0  # requests that are not probes
        self.draining = False


class Gate:
    """Lets requests in until the service drains; probes and /metrics always."""

    def __init__(self, app: ASGIApp, work: Work) -> None:
        self.app, self._work = app, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 503, or pass the request on and count it until its answer has left."""
        if scope["type"] != "http" or scope["path"] in ALWAYS_OPEN:
            await self.app(scope, receive, send)
            return
        if self._work.draining:
            await refuse(scope, receive, send)
            return
        self._work.running += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._work.running -= 1


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """503, on a connection that takes no other request."""
    error = Draining("the service is shutting down", retry_after=5)
    scope.setdefault("state", {})["code"] = error.code
    headers = {"Retry-After": str(error.retry_after), "Connection": "close"}
    body = error_body(str(error), error.code)
    await Response(body, error.status, headers, "application/json")(scope, receive, send)
