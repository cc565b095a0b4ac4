"""API keys: who may ask, and whose traces and sessions an answer may show."""

import hashlib
import hmac
from collections.abc import Collection, Iterable
from contextvars import ContextVar

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Unauthorized, error_body

# Spelled exactly as probes ask; whatever is spelled in another way needs a key.
OPEN_PATHS = frozenset(("/v2/health/live", "/v2/health/ready"))

# Whose request is being answered; nobody in particular without keys.
owner: ContextVar[str] = ContextVar("owner", default="")


class KeyCheck:
    """Lets a request through that has one of the keys; with no keys, every request.

    The files of the viewer, which hold nothing of anybody, need none: a browser cannot send a key
    before it has the page that asks for it.
    """

    def __init__(self, app: ASGIApp, keys: Iterable[str], pages: Collection[str] = ()) -> None:
        """Keep the keys' digests.

        Args:
            app: what is behind the check
            keys: any of which lets a request in
            pages: paths that anybody may GET, spelled exactly so
        """
        self.app = app
        self._pages = pages
        self._digests = [digest(key.encode()) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 401, or pass the request on and say whose it is."""
        if scope["type"] == "lifespan" or not self._digests or self._is_open(scope):
            await self.app(scope, receive, send)
            return
        given = digest(key_of(scope))
        # Every key is compared, and digests at that: time tells nothing about any of them.
        known = [hmac.compare_digest(given, digest) for digest in self._digests]
        if not any(known):
            await refuse(scope, receive, send)
            return
        token = owner.set(owner_of(given))
        try:
            await self.app(scope, receive, send)
        finally:
            owner.reset(token)

    def _is_open(self, scope: Scope) -> bool:
        """Whether a request needs no key."""
        path = scope["path"]
        return path in OPEN_PATHS or (
            path in self._pages and scope.get("method") in ("GET", "HEAD")
        )


def listed(told: str) -> list[str]:
    """The entries of a comma list."""
    return [entry.strip() for entry in told.split(",") if entry.strip()]


def digest(key: bytes) -> bytes:
    """What keys are compared by."""
    return hashlib.sha256(key).digest()


def owner_of(key_digest: bytes) -> str:
    """What is stored of a key: enough to know it again, nothing to ask with."""
    return hashlib.sha256(b"ntm owner" + key_digest).hexdigest()[:32]


def key_of(scope: Scope) -> bytes:
    """The key in `Authorization: Bearer` or else in `X-API-Key`; empty without one."""
    headers = dict(reversed(scope["headers"]))  # of a header sent twice, the first
    kind, _, key = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer":
        return bytes(key.strip())
    return bytes(headers.get(b"x-api-key", b"").strip())


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """401, or a closed door for a WebSocket."""
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1008})
        return
    error = Unauthorized("a key is needed: Authorization: Bearer <key>, or X-API-Key: <key>")
    scope.setdefault("state", {})["code"] = error.code
    body = error_body(str(error), error.code)
    headers = {"WWW-Authenticate": "Bearer"}
    response = Response(body, error.status, headers, "application/json")
    await response(scope, receive, send)
