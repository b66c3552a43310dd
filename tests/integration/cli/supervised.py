"""Drive a real `rfm up` in a process of its own, and look at what it started."""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx

from rfm_cli.processes import command_line
from rfm_cli.state import Record, StateFolder

Found = TypeVar("Found")
_numbers = itertools.count(1)
SECONDS = 90
"""Far more than anything here takes; a test that waits this long has failed."""


def until(ask: Callable[[], Found], what: str) -> Found:
    """Ask until the answer is true."""
    deadline = time.monotonic() + SECONDS
    while not (found := ask()):
        assert time.monotonic() < deadline, f"did not happen: {what}"
        time.sleep(0.05)
    return found


class Supervised:
    """`rfm up` on a folder: `start`, `url`, `stop`, `kill`, and its children by their command."""

    def __init__(
        self,
        folder: Path,
        command: Sequence[str] = ("-m", "rfm_cli", "up"),
        *,
        wrapper: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.state = StateFolder(folder / ".rfm")
        self.log = folder / f"{next(_numbers)}.log"
        self._command = [*wrapper, sys.executable, *command, "--port", "0"]
        self._environment = clean_environment() | dict(environment or {})
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> "Supervised":
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self._command, cwd=self.folder, env=self._environment,
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        return self

    def ready(self) -> str:
        """The URL, once it is printed; fails with the log when it ends instead."""
        assert self.process
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("RFM runs at "):
                return line.split()[3]
        raise AssertionError(f"it ended without a URL:\n{self.said()}")

    def said(self) -> str:
        return self.log.read_text()

    def record(self) -> Record:
        """What the supervisor wrote down, once it has."""
        return until(self._read, "a record of the processes")

    def _read(self) -> Record | None:
        """As the user who runs it would: the product believes nobody else's record."""
        with suppress(FileNotFoundError, ValueError):
            return Record(**json.loads((self.state.path / "stack.json").read_text()))
        return None

    def send(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def wait(self) -> int:
        assert self.process
        code = self.process.wait(SECONDS)
        if self.process.stdout:
            self.process.stdout.close()
        return code

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it and return its exit code."""
        self.send(number)
        return self.wait()

    def children(self) -> dict[int, str]:
        """Processes of the machine that belong to this folder, by pid."""
        homes = [str(self.folder), *(str(path.resolve()) for path in self._homes())]
        found = {pid: command_line(pid) for pid in everybody()}
        mine = self.process.pid if self.process else 0
        return {
            pid: line
            for pid, line in found.items()
            if pid not in {mine, os.getpid()} and any(home in line for home in homes)
        }

    def child(self, part: str) -> int:
        """The pid of the first process whose command line holds `part`."""
        return until(
            lambda: min((p for p, line in self.children().items() if part in line), default=0), part
        )

    def all_gone(self) -> None:
        """Wait until nothing of this folder runs."""
        until(lambda: not self.children(), f"all processes end; there are {self.children()}")

    def clean_up(self) -> None:
        """After a test, however it ended."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process and self.process.stdout:
            self.process.stdout.close()
        until(lambda: not self.children(), "the processes of a killed supervisor end")
        for home in (path.resolve() for path in self._homes() if path.is_symlink()):
            subprocess.run(["rm", "-rf", home], check=True)

    def _homes(self) -> list[Path]:
        return [self.state.path / name for name in ("postgres", "valkey")]


def everybody() -> list[int]:
    listed = subprocess.run(["ps", "-e", "-o", "pid="], check=True, capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]


def clean_environment() -> dict[str, str]:
    """Without settings of the product, so that a shell's own do not reach the test."""
    ours = ("DB_", "RFM_", "API_", "REDIS_URL", "DATA_DIR", "DEFAULT_K")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def open_folder(prefix: str = "rfm-up-") -> Path:
    """A folder of its own that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    folder.chmod(0o755)
    return folder


def health(url: str) -> dict[str, Any]:
    answer = httpx.get(f"{url}/health", timeout=10, trust_env=False)
    return {"code": answer.status_code, **answer.json()}
