"""Around every request: an id, headers that keep browsers in check, a count, a line in the log.

One middleware, and not one for each: whatever lies between the server and a route is passed again
whenever the route has waited for something.
"""

import time
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.headers import header
from service.http.security_headers import with_security
from service.telemetry.logs import request_id
from service.telemetry.request_log import ID_HEADER, Answered, RequestLog, choose_id


class Front:
    """The outermost of the application."""

    def __init__(self, app: ASGIApp, request_log: RequestLog) -> None:
        self._app, self._request_log = app, request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell of it once its answer has left or its client has."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = choose_id(header(scope, ID_HEADER))
        told = scope.setdefault("state", {})
        started, status, size = time.perf_counter(), 0, 0

        def send_and_look(message: Message) -> Awaitable[None]:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = with_security(message["headers"])
                message["headers"].append((ID_HEADER, chosen.encode()))
            else:
                size += len(message.get("body", b""))
            return send(message)

        token = request_id.set(chosen)
        try:
            await self._app(scope, receive, send_and_look)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", None)
            answered = Answered(route, status, told.get("code", "ok"), size, seconds)
            self._request_log.tell(scope, chosen, answered)
            request_id.reset(token)
