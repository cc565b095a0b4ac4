"""Paths that end with a slash, read as without it: a redirect would lead to what Host says."""

from starlette.types import ASGIApp, Receive, Scope, Send

READING = ("GET", "HEAD")


class TrailingSlash:
    """Takes the slash away from paths that are only read; any other request has to be exact."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        path = scope.get("path", "")
        if len(path) > 1 and path.endswith("/") and scope.get("method") in READING:
            raw = scope["raw_path"].rstrip(b"/")
            scope = {**scope, "path": path.rstrip("/") or "/", "raw_path": raw or b"/"}
        await self._app(scope, receive, send)
