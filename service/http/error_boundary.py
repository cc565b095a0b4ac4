"""Error boundary: what a handler raised after its 500 was sent ends here, not the connection.

Starlette answers 500 and raises again; the server then closes the connection without having said
so, and a client that has sent its next request already sees a reset.
"""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("ntm.server")


class ErrorBoundary:
    """Logs the error of a request that has its whole answer; any other error goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        is_whole = False

        async def send_and_look(message: Message) -> None:
            nonlocal is_whole
            await send(message)
            is_whole = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self._app(scope, receive, send_and_look)
        except Exception:
            if not is_whole:
                raise
            log.exception("a request failed")
