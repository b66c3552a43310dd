"""The one log stream of `rfm up`: every line with its service's name, exactly once."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from rfm_common.settings import Settings

_OWN_LINE = re.compile(rb"\d\d:\d\d:\d\d |\{")
_LARGEST = 10 * 2**20
"""Bytes of a file before the next one begins; there are two."""
_POLL = 0.3


class LogFile:
    """`rfm.log` in the state folder, and the file before it, `rfm.log.1`."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "rfm.log"
        self.earlier = state_dir / "rfm.log.1"
        self._sink: TextIO | None = None

    def write(self, text: str) -> None:
        """Append; a full disk costs lines and stops nothing."""
        with suppress(OSError):
            sink = self._open()
            sink.write(text)
            sink.flush()
            if sink.tell() > _LARGEST:
                sink.close()
                self._sink = None
                self.path.replace(self.earlier)

    def _open(self) -> TextIO:
        if self._sink is None:
            mode = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
            self._sink = open(os.open(self.path, mode, 0o600), "a", encoding="utf-8")  # noqa: PTH123, SIM115 - kept open
        return self._sink

    def last(self, count: int) -> list[str]:
        """The last lines."""
        found: list[str] = []
        for path in (self.earlier, self.path):
            with suppress(FileNotFoundError):
                found += path.read_text(errors="replace").splitlines(keepends=True)
        return found[-count:] if count else []

    def more(self) -> Iterator[str]:
        """What is appended from now on, for ever, also when the next file begins."""
        place = self._place()
        while True:
            now = self._place()
            if now[0] != place[0] and place[0]:
                yield self._after(self.earlier, place[1])
                place = (now[0], 0)
            if now[1] > place[1]:
                yield self._after(self.path, place[1])
            place = now
            time.sleep(_POLL)

    def _place(self) -> tuple[int, int]:
        """The file's number and its size in bytes; zeros while there is none."""
        with suppress(FileNotFoundError):
            found = self.path.stat()
            return found.st_ino, found.st_size
        return 0, 0

    @staticmethod
    def _after(path: Path, start: int) -> str:
        with path.open("rb") as source:
            source.seek(start)
            return source.read().decode(errors="replace")


class LogStream:
    """Standard error and the log file, shared by the services; call it with a name and a line."""

    def __init__(self, settings: Settings) -> None:
        self._label = _json_line if settings.log_format == "json" else _text_line
        self._file = LogFile(settings.state_dir)

    def __call__(self, name: str, line: bytes) -> None:
        """Write the line; services name themselves, an interpreter that fails does not."""
        labelled = line if _OWN_LINE.match(line) else self._label(name, line)
        sys.stderr.buffer.write(labelled)
        sys.stderr.buffer.flush()
        self._file.write(labelled.decode(errors="replace"))

    def take_own_lines(self) -> None:
        """Let what this process logs go into the file as well."""
        root = logging.getLogger()
        handler = logging.StreamHandler(self._file)
        handler.setFormatter(root.handlers[0].formatter if root.handlers else None)
        root.addHandler(handler)


def _text_line(name: str, line: bytes) -> bytes:
    return f"{time.strftime('%H:%M:%S')} {name:<8} {'':<7} {_text(line)}\n".encode()


def _json_line(name: str, line: bytes) -> bytes:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return json.dumps({"time": moment, "service": name, "message": _text(line)}).encode() + b"\n"


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r\n")
