"""Log lines of every process: for people, or one JSON object a line. Neither holds a path, a question or a traceback:
what a failure carried may be health data, so its class and its place alone are told.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any, Literal

Format = Literal["line", "json"]


class Lines(logging.Formatter):
    """Time, level, logger, message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _class(ei)


class JsonLines(logging.Formatter):
    """`{"at", "level", "logger", "message"}`, and "error" where there was one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if isinstance(values := getattr(record, "fields", None), dict):
            line |= values
        if record.exc_info:
            line["error"] = _class(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configuration(style: Format) -> dict[str, Any]:
    """For `logging.config.dictConfig`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": Lines}, "json": {"()": JsonLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": style, "stream": "ext://sys.stderr"}},
        "loggers": {
            "anamnese": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
            "celery": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
            "uvicorn.error": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
            # Prints paths, which hold patient ids: never on. Border's log has route templates instead.
            "uvicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
        },
    }


def _class(information: Any) -> str:
    """The class of what failed, and where: its text may say what was being read."""
    kind, _, trace = information
    if kind is None:
        return ""
    last = traceback.extract_tb(trace)[-1:]
    return str(kind.__name__) + "".join(f" at {frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in last)
