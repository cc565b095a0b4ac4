"""One line a request, with an id that the client may choose and always gets back."""

import logging
import re
import time
from functools import partial
from typing import Any, NamedTuple

from starlette.types import Scope

from service import ids
from service.telemetry.deferred import Afterwards
from service.telemetry.metrics import Metrics

log = logging.getLogger("ntm.requests")

ID_HEADER = b"x-request-id"
ALIKE = vars(logging.makeLogRecord({"name": log.name, "msg": "request"}))
VALID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)


def choose_id(told: str | None) -> str:
    """The client's, if it is one that can stand in a log and a header; else a new one."""
    return told if told is not None and VALID.fullmatch(told) else ids.token(8)


class Answered(NamedTuple):
    """What came of a request."""

    route: str | None
    status: int  # 0 where the client went away
    code: str
    size: int  # bytes of the answer's body
    seconds: float


class RequestLog:
    """Counts requests and tells of them, soon after they have been answered."""

    def __init__(self, metrics: Metrics, afterwards: Afterwards) -> None:
        """Count with these metrics."""
        self._metrics, self._afterwards = metrics, afterwards

    def tell(self, scope: Scope, chosen: str, answered: Answered) -> None:
        """Of a request that has been answered, or whose client went away."""
        self._afterwards.do(partial(self._tell, scope, chosen, answered))

    def _tell(self, scope: Scope, chosen: str, answered: Answered) -> None:
        route, status, code, _, seconds = answered
        model = scope["state"].get("model", "")
        self._metrics.answered(route or "unmatched", status or 500, code, model, seconds)
        log_request(scope, chosen, answered)


def log_request(scope: Scope, chosen: str, answered: Answered) -> None:
    """Tell of a request that has been answered, or whose client went away."""
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
    log.handle(record_of(facts))


def record_of(facts: dict[str, Any]) -> logging.LogRecord:
    """As `log.info` makes it, which finds out more about the call than any line tells."""
    now = time.time()
    told = {"levelno": logging.INFO, "levelname": "INFO", "created": now, "msecs": now % 1 * 1000}
    record = logging.LogRecord.__new__(logging.LogRecord)
    record.__dict__ = {**ALIKE, **told, "facts": facts}
    return record
