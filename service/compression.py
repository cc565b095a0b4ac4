"""gzip for answers that are worth it, to clients that accept it."""

from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.headers import header

WORTH = 16 * 1024  # bytes; below, the time to deflate costs more than the time to send
LEVEL = 1
# Float32 numbers hardly shrink, and deflating all stages of a run takes longer than computing them.
AS_THEY_ARE = ("application/vnd.safetensors", "application/x-npz")
EXCLUDED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, *AS_THEY_ARE)


class Compression:
    """Middleware that deflates large answers where Accept-Encoding allows gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._gzip = GZipMiddleware(app, WORTH, LEVEL, exclude_content_types=EXCLUDED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = scope["type"] == "http" and accepts_gzip(header(scope, b"accept-encoding") or "")
        await (self._gzip if wanted else self._plain)(scope, receive, send)


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header names gzip without refusing it by `q=0`."""
    for part in header.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").removeprefix("q=") not in ("0", "0.0", "0.00", "0.000")
    return False
