"""One log format for all services: a line per fact, with the service's name."""

import json
import logging
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

_RESERVED = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}

# Both parts are bounded: a long line of anything is read in one go.
_ADDRESS = re.compile(r"[^\s@\"'<>()\[\]{}|,;:=/\\]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}")

_bound: ContextVar[Mapping[str, object]] = ContextVar("bound", default={})  # noqa: B039 - never changed


@contextmanager
def bound(**values: object) -> Generator[None]:
    """Put these into every line that is logged inside, by whatever module: an id to follow."""
    token = _bound.set({**_bound.get(), **values})
    try:
        yield
    finally:
        _bound.reset(token)


def masked(text: str) -> str:
    """The text without e-mail addresses: logs are kept, copied and read by many."""
    return _ADDRESS.sub("***@***", text) if "@" in text else text


def _one_line(text: str) -> str:
    """The text with control characters written out: a file's name must not forge a line."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _clean(value: object) -> object:
    """A value for JSON, masked before it is encoded: an escape must stay whole."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {masked(str(key)): _clean(item) for key, item in value.items()}
        case list() | tuple() | set():
            return [_clean(item) for item in value]
        case _:
            return masked(str(value))


def _extras(record: logging.LogRecord) -> dict[str, object]:
    """What is bound around the call, then what it passed as `extra=`, in order."""
    own = {key: value for key, value in record.__dict__.items() if key not in _RESERVED}
    return {**_bound.get(), **own}


class TextFormatter(logging.Formatter):
    """`12:30:01 ingest INFO loaded orders.csv import_id=3`."""

    def __init__(self, service: str) -> None:
        super().__init__(f"%(asctime)s {service:<8} %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Append the extras as key=value."""
        extras = "".join(f" {key}={value}" for key, value in _extras(record).items())
        return _one_line(super().formatMessage(record) + extras)

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the traceback if any."""
        return masked(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for log collectors."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Time, service, level, logger, message, extras and the traceback if any."""
        entry: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "service": self._service,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(_clean(entry))


def configure_logging(
    service: str, level: str = "INFO", style: Literal["text", "json"] = "text"
) -> None:
    """Send every logger of this process to standard error; called once, by `__main__`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service) if style == "json" else TextFormatter(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("httpx", "watchfiles", "arq", "alembic", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
