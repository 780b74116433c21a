"""Logs: one JSON object a line, or plain lines on a terminal; each with the id of the request it belongs to.

Secrets, document text and end users are never logged: routes log ids and counts, and what looks like a key, a password
in a URL or the name of an end user is masked here as a last net, in messages and tracebacks alike.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from service.settings import Settings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_SECRETS = re.compile(
    r"(gl_[0-9a-f]{6,}_)[\w-]{20,}|((?:[a-z][a-z0-9+.-]*)://[^\s:/@]*:)[^\s@/]+(?=@)|\b(sk-)[\w-]{16,}"
    r"|(key:[\w-]{1,64}(?:/|%2[Ff])user(?::|%3[Aa]))[^\s\"']+"  # who asked: an end user's id is often an address
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def mask(text: str) -> str:
    """Give the text with API keys, the passwords of URLs and end users replaced by stars."""
    return _SECRETS.sub(lambda match: next(group for group in match.groups() if group) + "***", text)


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, request_id, and whatever was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        if (current := request_id.get()) is not None:
            entry["request_id"] = current
        for name, value in vars(record).items():
            if name not in _STANDARD and not name.startswith("_"):
                entry[name] = mask(value) if isinstance(value, str) else value
        if record.exc_info:
            entry["traceback"] = mask(self.formatException(record.exc_info))
        return json.dumps(entry, default=str, ensure_ascii=False)


class HumanFormatter(logging.Formatter):
    """A line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, and the traceback under it."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        extras = " ".join(
            f"{name}={value}"
            for name, value in vars(record).items()
            if name not in _STANDARD and not name.startswith("_")
        )
        line = (
            f"{time} {record.levelname.lower():7} {record.name}: {record.getMessage()}{'  ' + extras if extras else ''}"
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return mask(line)


def setup_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send every log of this process to one stream in one format; call it once, at the start of a process.

    Args:
        settings: Level and format.
        stream: Where to; standard error by default.
    """
    stream = stream or sys.stderr
    human = settings.log_format == "human" or (settings.log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanFormatter() if human else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # the app writes its own access line
    for name in ("httpx", "httpcore", "filelock", "urllib3", "sentence_transformers"):
        logging.getLogger(name).setLevel(logging.WARNING)
