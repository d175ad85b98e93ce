"""Log lines: one JSON object each for machines, or plain text for people."""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from alerts.delivery.secrets import masked


class PlainLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return masked(json.dumps(line, ensure_ascii=False))


def configure(log_format: Literal["text", "json"]) -> None:
    """Send our own log to standard error, once, whatever the host process does with its root logger."""
    handler = logging.StreamHandler()
    text = PlainLines("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if log_format == "json" else text)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # they tell every URL, and a webhook's is a secret
    for name in ("leeway", "store", "collectors", "analytics", "alerts"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
