"""Headers as they come and as they are written, without making an object of all of them."""

from collections.abc import Iterable
from functools import lru_cache

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE

KNOWN = 1024  # that are not looked at again

Header = tuple[bytes, bytes]


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a request's header; `name` in lower case, as a server gives names."""
    value: bytes
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return None


def lines(headers: Iterable[Header]) -> bytes:
    """Headers as they are written."""
    return b"".join([line(name, value) for name, value in headers])


@lru_cache(KNOWN)
def line(name: bytes, value: bytes) -> bytes:
    """A header as it is written.

    Raises:
        RuntimeError: it would break an answer apart
    """
    if HEADER_RE.search(name):
        raise RuntimeError(f"invalid name of a header: {name!r}")
    if HEADER_VALUE_RE.search(value):
        raise RuntimeError(f"invalid value of the header {name!r}")
    return b"%s: %s\r\n" % (name.lower(), value)
