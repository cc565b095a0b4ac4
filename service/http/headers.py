"""Headers as a server gives them, without making an object of all of them."""

from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a request's header; `name` in lower case, as a server gives names."""
    value: bytes
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return None
