"""The one log stream of `rfm up`: every line with its service's name, exactly once."""

import json
import re
import sys
import time

from rfm_common.settings import Settings

_OWN_LINE = re.compile(rb"\d\d:\d\d:\d\d |\{")


class LogStream:
    """Standard error, shared by the services; call it with a name and a line."""

    def __init__(self, settings: Settings) -> None:
        self._label = _json_line if settings.log_format == "json" else _text_line

    def __call__(self, name: str, line: bytes) -> None:
        """Write the line; services name themselves, an interpreter that fails does not."""
        sys.stderr.buffer.write(line if _OWN_LINE.match(line) else self._label(name, line))
        sys.stderr.buffer.flush()


def _text_line(name: str, line: bytes) -> bytes:
    return f"{time.strftime('%H:%M:%S')} {name:<8} {'':<7} {_text(line)}\n".encode()


def _json_line(name: str, line: bytes) -> bytes:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return json.dumps({"time": moment, "service": name, "message": _text(line)}).encode() + b"\n"


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r\n")
