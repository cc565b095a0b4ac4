"""Headers as a server gives them, in a dict that is made once a request."""

from starlette.types import Scope

HEADERS = "ntm.headers"  # of a scope: the first value of every header, by its name in lower case


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The first value of every header, by its name in lower case, as a server gives names."""
    headers: dict[bytes, bytes] | None = scope.get(HEADERS)
    if headers is None:
        headers = scope[HEADERS] = dict(reversed(scope["headers"]))
    return headers


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a request's header; `name` in lower case."""
    value = headers_of(scope).get(name)
    return None if value is None else value.decode("latin-1")
