"""What the private PostgreSQL and the private Valkey have in common."""

import secrets
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from rfm_cli.processes import ServerError, free_port, port_is_free, spawn
from rfm_cli.users import credentials, give, server_home, server_user

_LOG_LIMIT = 10_000_000
_LOG_TAIL = 15


class PrivateServer(ABC):
    """One server in one private folder, on loopback, with a generated password.

    `start` is `prepare`, `launch` and `wait_ready`; an event loop calls them one by one, because
    `launch` belongs to the main thread and the other two wait.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[int]
    kill_signal: ClassVar[int] = signal.SIGKILL

    def __init__(self, folder: Path) -> None:
        self.home = server_home(folder)
        self.user = server_user(self.home)
        self.log = self.home / f"{self.name}.log"
        self.password = self._kept("password") or self._keep("password", secrets.token_urlsafe(24))
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """What services need to reach it."""

    @abstractmethod
    def command(self) -> list[str | Path]:
        """The command that runs it in the foreground on `self.port`."""

    @abstractmethod
    def is_ready(self, pid: int) -> bool:
        """Whether the process answers on its port."""

    @abstractmethod
    def end_leftover(self) -> None:
        """End a server of this folder that outlived its supervisor."""

    def prepare(self) -> None:
        """Everything before the process: leftovers, files, and a port that stays the same."""
        self.end_leftover()
        if not self.port:
            self.port = self._usual_port()

    def launch(self) -> None:
        """Start the process; it ends when this one does."""
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.old"))
        self.log.touch(mode=0o600)
        give(self.log, self.user)
        self.process = spawn(self.command(), self.log, self.stop_signal, **credentials(self.user))

    def wait_ready(self, seconds: float = 600) -> None:
        """Wait until it answers; raises ServerError with the log's end when it dies instead.

        The limit is long because recovery after a crash reads back what was written.
        """
        deadline = time.monotonic() + seconds
        while not (self.process and self.is_ready(self.process.pid)):
            if not self.is_running() or time.monotonic() > deadline:
                raise ServerError(
                    f"{self.name} did not start; {self.log} ends with:\n{self._tail()}"
                )
            time.sleep(0.02)

    def start(self) -> None:
        """Start and wait until it answers."""
        self.prepare()
        self.launch()
        self.wait_ready()

    def attach(self) -> None:
        """Learn the port of this folder's server that another process of ours runs."""
        self.port = int(self._kept("port"))

    def stop(self, seconds: float = 8) -> None:
        """Ask it to end and wait; end it at once when that takes too long."""
        if not self.process:
            return
        self.signal(self.stop_signal)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.signal(self.kill_signal)
            self.process.wait()

    def signal(self, number: int) -> None:
        """Send a signal if it runs."""
        if self.process and self.is_running():
            self.process.send_signal(number)

    def is_running(self) -> bool:
        """Whether the process exists."""
        return self.process is not None and self.process.poll() is None

    def _usual_port(self) -> int:
        """The port of the last time when it is still free: people keep it in other tools."""
        kept = self._kept("port")
        if kept.isdecimal() and port_is_free(int(kept)):
            return int(kept)
        return int(self._keep("port", str(free_port())))

    def _kept(self, name: str) -> str:
        path = self.home / name
        return path.read_text() if path.exists() else ""

    def _keep(self, name: str, content: str) -> str:
        """Write a file, whole or not at all, that only the server's user can read."""
        partial = self.home / f"{name}.new"
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_text(content)
        give(partial, self.user)
        partial.replace(self.home / name)
        return content

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])
