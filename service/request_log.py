"""One line a request, with an id that the client may choose and always gets back."""

import logging
import re
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import ids
from service.headers import header
from service.logs import request_id

log = logging.getLogger("ntm.requests")

HEADER = "X-Request-ID"
VALID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)


class RequestLog:
    """Logs every request once its answer has left or its client has."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        chosen = choose_id(header(scope, b"x-request-id"))
        started, status, size = time.perf_counter(), 0, 0

        async def send_and_look(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = chosen
                status = message["status"]
            size += len(message.get("body", b""))
            await send(message)

        token = request_id.set(chosen)
        try:
            await self.app(scope, receive, send_and_look)
        finally:
            facts = {
                "method": scope["method"],
                "path": scope["path"][:200],
                "route": getattr(scope.get("route"), "path", None),
                "status": status or None,  # none: the client went away, or we crashed
                "code": scope.get("state", {}).get("code", "ok"),
                "bytes": size,
                "seconds": round(time.perf_counter() - started, 6),
                "client": (scope.get("client") or [None])[0],
            }
            log.info("request", extra={"facts": facts})
            request_id.reset(token)


def choose_id(told: str | None) -> str:
    """The client's, if it is one that can stand in a log and a header; else a new one."""
    return told if told is not None and VALID.fullmatch(told) else ids.token(8)
