"""gzip for answers that are worth it, to clients that accept it."""

from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Scope

from service.http.headers import header
from service.http.negotiation import media_of, quality

WORTH = 16 * 1024  # bytes; below, the time to deflate costs more than the time to send
LEVEL = 1
# Float32 numbers hardly shrink, and deflating all stages of a run takes longer than computing them.
AS_THEY_ARE = ("application/vnd.safetensors", "application/x-npz")
EXCLUDED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, *AS_THEY_ARE)


def compressed(app: ASGIApp, scope: Scope) -> ASGIApp:
    """What answers as `app` does, deflated where that is worth it and the client accepts gzip."""
    if scope["type"] != "http" or not accepts_gzip(header(scope, b"accept-encoding") or ""):
        return app
    return GZipMiddleware(app, WORTH, LEVEL, exclude_content_types=EXCLUDED)


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header names gzip without refusing it by `q=0`."""
    parts = header.lower().split(",")
    return any(media_of(part) == "gzip" and quality(part) > 0 for part in parts)
