"""API keys: who may ask, and whose traces and sessions an answer may show."""

import hashlib
import hmac
from collections.abc import Collection, Iterable
from contextvars import ContextVar

from starlette.types import Scope

from service.errors import Unauthorized

# Spelled exactly as probes ask; whatever is spelled in another way needs a key.
OPEN_PATHS = frozenset(
    (
        "/v2/health/live",
        "/v2/health/ready",
        "/inference.GRPCInferenceService/ServerLive",
        "/inference.GRPCInferenceService/ServerReady",
    )
)

# Whose request is being answered; nobody in particular without keys.
owner: ContextVar[str] = ContextVar("owner", default="")


class Keys:
    """Those that let a request in; with none, every request may enter.

    The files of the viewer, which hold nothing of anybody, need none: a browser cannot send a key
    before it has the page that asks for it.
    """

    def __init__(self, keys: Iterable[str], pages: Collection[str] = ()) -> None:
        """Keep the keys' digests.

        Args:
            keys: any of which lets a request in
            pages: paths that anybody may GET, spelled exactly so
        """
        self._pages = pages
        self._digests = [digest(key.encode()) for key in keys]

    def owner_of(self, scope: Scope) -> str:
        """Whose request it is; nobody's in particular where it needs no key.

        Raises:
            Unauthorized: it needs a key and has none of them
        """
        if not self._digests or self._is_open(scope):
            return ""
        given = digest(key_of(scope))
        # Every key is compared, and digests at that: time tells nothing about any of them.
        known = [hmac.compare_digest(given, digest) for digest in self._digests]
        if not any(known):
            raise Unauthorized("a key is needed: Authorization: Bearer <key>, or X-API-Key: <key>")
        return owner_name(given)

    def _is_open(self, scope: Scope) -> bool:
        path = scope["path"]
        return path in OPEN_PATHS or (
            path in self._pages and scope.get("method") in ("GET", "HEAD")
        )


def digest(key: bytes) -> bytes:
    """What keys are compared by."""
    return hashlib.sha256(key).digest()


def owner_name(key_digest: bytes) -> str:
    """What is stored of a key: enough to know it again, nothing to ask with."""
    return hashlib.sha256(b"ntm owner" + key_digest).hexdigest()[:32]


def key_of(scope: Scope) -> bytes:
    """The key in `Authorization: Bearer` or else in `X-API-Key`; empty without one."""
    headers = dict(reversed(scope["headers"]))  # of a header sent twice, the first
    kind, _, key = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer":
        return bytes(key.strip())
    return bytes(headers.get(b"x-api-key", b"").strip())
