"""Access log and request ids: one line a request, with an id that the client may choose."""

import logging
import re
from functools import partial
from random import getrandbits
from typing import NamedTuple

from starlette.types import Scope

from service.telemetry.deferred import Afterwards
from service.telemetry.metrics import Metrics

log = logging.getLogger("ntm.requests")

ID_HEADER = b"x-request-id"
VALID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


def choose_id(requested: bytes | None) -> str:
    """The id that the client sent where it is safe in a log and a header; else a new one."""
    if requested is not None and VALID.fullmatch(requested):
        return requested.decode()
    return new_id()


def new_id() -> str:
    """Sixteen digits that no other request of these days has; anybody may guess them."""
    return f"{getrandbits(64):016x}"


class Answered(NamedTuple):
    """The outcome of a request."""

    route: str | None
    status: int  # 0 where the client went away
    code: str
    size: int  # bytes of the answer's body
    seconds: float


class RequestLog:
    """Counts and logs requests, soon after they have been answered."""

    def __init__(self, metrics: Metrics, afterwards: Afterwards) -> None:
        """Count with these metrics."""
        self._metrics, self._afterwards = metrics, afterwards

    def record(self, scope: Scope, chosen: str, answered: Answered) -> None:
        """Count and log a request that was answered or whose client went away."""
        self._afterwards.do(partial(self._record, scope, chosen, answered))

    def _record(self, scope: Scope, chosen: str, answered: Answered) -> None:
        route, status, code, _, seconds = answered
        model = scope["state"].get("model", "")
        self._metrics.answered(route or "unmatched", status or 500, code, model, seconds)
        log_request(scope, chosen, answered)


def log_request(scope: Scope, chosen: str, answered: Answered) -> None:
    """Log a request that was answered or whose client went away."""
    if not log.isEnabledFor(logging.INFO):
        return
    facts = {
        "method": scope["method"],
        "path": scope["path"][:200],
        "route": answered.route,
        "status": answered.status or None,
        "code": answered.code,
        "bytes": answered.size,
        "seconds": round(answered.seconds, 6),
        "client": (scope.get("client") or [None])[0],
        "request_id": chosen,
    }
    # `log.info` would look for the calling file and line, which no line has and which takes longer
    # than the rest
    extra = {"facts": facts}
    log.handle(log.makeRecord(log.name, logging.INFO, "", 0, "request", (), None, extra=extra))
