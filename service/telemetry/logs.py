"""Structured logging: one JSON object a line on stderr, for jq and for log collectors."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from service.telemetry.log_writer import LogWriter

# The request that is being answered; every line logged meanwhile carries it.
request_id: ContextVar[str] = ContextVar("request_id", default="")


class JsonLines(logging.Formatter):
    """One object a record: time, level, logger, message, and the record's `facts`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        entry: dict[str, Any] = {
            "time": f"{second_of(int(record.created))}.{int(record.msecs):03d}+00:00",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if current := request_id.get():
            entry.setdefault("request_id", current)
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return as_line(entry)


@lru_cache(maxsize=1)
def second_of(created: int) -> str:
    """A second since the epoch as ISO 8601, without a zone: UTC."""
    return datetime.fromtimestamp(created, UTC).isoformat().removesuffix("+00:00")


def as_line(entry: dict[str, Any]) -> str:
    """An object as JSON on one line; ASCII only: some readers end a line at U+2028."""
    try:
        line = orjson.dumps(entry, default=str)
    except orjson.JSONEncodeError:  # half a surrogate pair
        line = b""
    return line.decode() if line and line.isascii() else json.dumps(entry, default=str)


def configure() -> None:
    """Send everything that is logged to stderr."""
    # no line has these, so records need not look them up
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = LogWriter(sys.stderr.fileno())
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
