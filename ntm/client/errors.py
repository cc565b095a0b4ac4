"""Errors of the client, by the status of `{"error": ..., "code": ...}`."""

from typing import Any

import httpx
import orjson


class ServiceError(Exception):
    """The service refused; the message is its sentence.

    `code` is its slug, such as `unknown_model`, and `status` that of HTTP.
    """

    def __init__(self, message: str, code: str, status: int) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class InvalidRequest(ServiceError):
    """The request has a field that does not fit (400, 415, 422)."""


class Unauthorized(ServiceError):
    """The service asks for another key than this one (401), or one that may do more (403)."""


class NotFound(ServiceError):
    """No such model, version, trace or session (404)."""


class Conflict(ServiceError):
    """A piece at another position than the session's, or a version that is gone (409)."""


class TooLarge(ServiceError):
    """The request, its state or its answer would be too large (413)."""


class Unavailable(ServiceError):
    """At every try the service was full or ended (503), or the key's rate was met (429)."""


class TimedOut(ServiceError):
    """The service gave up computing it in time (504)."""


class Unreachable(ServiceError):
    """No answer came, at any try: `status` is 0 and `code` is `unreachable`."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "unreachable", 0)


KINDS: dict[int, type[ServiceError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    415: InvalidRequest,
    422: InvalidRequest,
    429: Unavailable,
    503: Unavailable,
    504: TimedOut,
}


def error_of(response: httpx.Response) -> ServiceError:
    """The error that an answer is."""
    kind, told = KINDS.get(response.status_code, ServiceError), _object(response.content)
    message = told.get("error") or f"{response.status_code} {response.reason_phrase}"
    return kind(str(message), str(told.get("code") or "unknown"), response.status_code)


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; empty where a proxy answered in its own words."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
