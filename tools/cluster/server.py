"""One process of the cluster."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rfm_cli.processes import ServerError, describe_exit, signal_group, spawn

_STOP_SECONDS = 15
_LAST_LINES = 15


class Server:
    """A process in a group of its own with whatever it starts, and its log."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.env = env
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. From the main thread: Linux ends it with the thread that started it."""
        with self.log.open("ab") as log:
            self.process = spawn(self.command, log, env=self.env)

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        if self.process is None:
            raise ServerError(f"{self.name} was never started")
        return self.process.pid

    def is_running(self) -> bool:
        """Whether the process exists."""
        return self.process is not None and self.process.poll() is None

    def has_ended(self) -> bool:
        """Whether it was started and is no more."""
        return self.process is not None and not self.is_running()

    def kill(self) -> None:
        """`kill -9`, with its executors, as if its host were gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end; kill what has not after a while."""
        self._end(signal.SIGTERM)

    def describe_end(self) -> str:
        """`worker-1 ended (SIGKILL)`."""
        code = self.process.poll() if self.process else None
        return f"{self.name} ended ({describe_exit(code or 0)})"

    def last_words(self) -> str:
        """The end of its log, without the places in Spark's code."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([line for line in lines if not line.startswith("\tat ")][-_LAST_LINES:])

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        signal_group(self.process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECONDS)
        signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
