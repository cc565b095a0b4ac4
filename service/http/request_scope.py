"""Around every request: an id, headers that keep browsers in check, a count, a line in the log.

One middleware, and not one for each: whatever lies between the server and a route is passed again
whenever the route has waited for something.
"""

import asyncio
import time
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.headers import headers_of
from service.http.security_headers import with_security
from service.memory import Budget, Share, share
from service.telemetry.logs import request_id
from service.telemetry.request_log import ID_HEADER, Answered, RequestLog, choose_id

PIECE = 2**18  # bytes of an answer that are handed to the server at once


class Front:
    """The outermost of the application."""

    def __init__(self, app: ASGIApp, request_log: RequestLog, budget: Budget) -> None:
        self._app, self._request_log, self._budget = app, request_log, budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell of it once its answer has left or its client has."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = choose_id(headers_of(scope).get(ID_HEADER))
        told = scope.setdefault("state", {})
        taken = told["share"] = Share(self._budget)
        started, status, size = time.perf_counter(), 0, 0
        told["began"] = started
        share.set(taken)  # of the request's task, which ends with it
        request_id.set(chosen)

        def send_and_look(message: Message) -> Awaitable[None]:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = with_security(message["headers"])
                headers.append((ID_HEADER, chosen.encode()))
            else:
                length = len(message.get("body", b""))
                size += length
                if length > PIECE:
                    return send_in_pieces(message, send)
            return send(message)

        try:
            await self._app(scope, receive, send_and_look)
        finally:
            taken.close()
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", None)
            answered = Answered(route, status, told.get("code", "ok"), size, seconds)
            self._request_log.record(scope, chosen, answered)


async def send_in_pieces(message: Message, send: Send) -> None:
    """Hand a long part of an answer over no faster than its client reads it.

    What is handed over at once is copied, and kept by the server for as long as nobody reads.
    """
    body, more = memoryview(message["body"]), message.get("more_body", False)
    for start in range(0, len(body), PIECE):
        piece, end = bytes(body[start : start + PIECE]), start + PIECE
        await send({**message, "body": piece, "more_body": more or end < len(body)})
        await asyncio.sleep(0)  # a fast reader should keep nobody waiting
