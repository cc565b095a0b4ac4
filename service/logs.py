"""Logs as one JSON object a line, for people with jq and for whatever collects them."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

# The request that is being answered; every line logged meanwhile carries it.
request_id: ContextVar[str] = ContextVar("request_id", default="")


class JsonLines(logging.Formatter):
    """One object a record: time, level, logger, message, and the record's `facts`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if current := request_id.get():
            told["request_id"] = current
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        # ASCII only: U+2028 and its like end a line for some readers
        return json.dumps(told, default=str)


def configure() -> None:
    """Send everything that is logged to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
