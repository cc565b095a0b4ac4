"""The path under which a proxy offers the service, where requests still begin with it."""

from starlette.types import ASGIApp, Receive, Scope, Send


class RootPath:
    """Takes the prefix away, so that what lies behind knows nothing of it."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        """Answer `/prefix/x` and `/x` as `app` answers `/x`; most proxies ask for the latter."""
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        path = scope.get("path", "")
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            shorter = path.removeprefix(self._prefix) or "/"
            raw = scope["raw_path"].removeprefix(self._prefix.encode()) or b"/"
            scope = {**scope, "path": shorter, "raw_path": raw}
        await self._app(scope, receive, send)
