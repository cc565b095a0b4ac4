"""Logs as one JSON object a line, for people with jq and for whatever collects them."""

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
        told = {
            "time": f"{second_of(int(record.created))}.{int(record.msecs):03d}+00:00",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if current := request_id.get():
            told.setdefault("request_id", current)
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return as_line(told)


@lru_cache(maxsize=1)
def second_of(created: int) -> str:
    """A second since the epoch as ISO 8601, without a zone: UTC."""
    return datetime.fromtimestamp(created, UTC).isoformat().removesuffix("+00:00")


def as_line(told: dict[str, Any]) -> str:
    """An object as JSON on one line; ASCII only, for U+2028 and its like end a line for some."""
    try:
        line = orjson.dumps(told, default=str)
    except orjson.JSONEncodeError:  # half a surrogate pair
        line = b""
    return line.decode() if line and line.isascii() else json.dumps(told, default=str)


def configure() -> None:
    """Send everything that is logged to stderr, without finding out what no line tells."""
    logging._srcfile = None  # file and line of the call
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = LogWriter(sys.stderr.fileno())
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
