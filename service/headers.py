"""One header of a request as it came, without making an object of all of them."""

from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a header; `name` in lower case, as a server gives names."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
