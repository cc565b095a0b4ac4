"""One line a request, with an id that the client may choose and always gets back."""

import logging
import re
import time
from typing import Any

from starlette.types import Scope

from service import ids

log = logging.getLogger("ntm.requests")

ID_HEADER = b"x-request-id"
ALIKE = vars(logging.makeLogRecord({"name": log.name, "msg": "request"}))
VALID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)


def choose_id(told: str | None) -> str:
    """The client's, if it is one that can stand in a log and a header; else a new one."""
    return told if told is not None and VALID.fullmatch(told) else ids.token(8)


def log_request(
    scope: Scope, route: str | None, status: int, code: str, size: int, seconds: float
) -> None:
    """Tell of a request that has been answered, or whose client went away."""
    if not log.isEnabledFor(logging.INFO):
        return
    facts = {
        "method": scope["method"],
        "path": scope["path"][:200],
        "route": route,
        "status": status or None,  # none: the client went away
        "code": code,
        "bytes": size,
        "seconds": round(seconds, 6),
        "client": (scope.get("client") or [None])[0],
    }
    log.handle(record_of(facts))


def record_of(facts: dict[str, Any]) -> logging.LogRecord:
    """As `log.info` makes it, which finds out more about the call than any line tells."""
    now = time.time()
    told = {"levelno": logging.INFO, "levelname": "INFO", "created": now, "msecs": now % 1 * 1000}
    record = logging.LogRecord.__new__(logging.LogRecord)
    record.__dict__ = {**ALIKE, **told, "facts": facts}
    return record
