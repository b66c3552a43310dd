"""What the private PostgreSQL and the private Valkey have in common.

The home of a server belongs to the user who started it, with the log, the port and the password.
In it lies the folder `data`, which under root belongs to the servers' user. Names in there are not
ours: nothing follows them.
"""

import os
import secrets
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import IO, ClassVar

from rfm_cli.folders import foreign, give_tree, remove_foreign
from rfm_cli.processes import ServerError, free_port, port_is_free, spawn
from rfm_cli.users import (
    Identity,
    credentials,
    former_users,
    give,
    server_environment,
    server_home,
    server_user,
)
from rfm_common.plain_files import read_plain

_LOG_LIMIT = 10_000_000
_LOG_TAIL = 15
_LONGEST = 1000
"""Bytes of a port or a password."""
_PORTS = range(1024, 65536)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


class PrivateServer(ABC):
    """One server in one private folder, on loopback, with a generated password.

    `start` is `prepare`, `launch` and `wait_ready`; an event loop calls them one by one, because
    `launch` belongs to the main thread and the other two wait.
    """

    name: ClassVar[str]
    theirs: ClassVar[tuple[str, ...]] = ("data",)
    """The folders in its home that may belong to the server's user."""
    stop_signal: ClassVar[int]
    kill_signal: ClassVar[int] = signal.SIGKILL

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.home = folder.resolve()
        self.user: Identity | None = None
        self.password = ""
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The folder that the server itself writes in: not one to follow names in."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.home / f"{self.name}.log"

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """What services need to reach it."""

    @abstractmethod
    def command(self) -> list[str | Path]:
        """The command that runs it in the foreground on `self.port`."""

    @abstractmethod
    def kept_password(self) -> str:
        """The password of the last time, if there is one."""

    @abstractmethod
    def is_ready(self, pid: int) -> bool:
        """Whether the process answers on its port."""

    @abstractmethod
    def end_leftover(self) -> None:
        """End a server of this folder that outlived its supervisor."""

    def feed(self) -> bytes:
        """What it reads at its start."""
        return b""

    def prepare(self) -> None:
        """Everything before the process: folders, leftovers, and a port that stays the same."""
        self.user = server_user()
        self.home = server_home(self._folder, self.user)
        port = self._earlier_port()
        remove_foreign(self.home, self.theirs)
        self.end_leftover()
        self._own_data()
        self.password = self.kept_password() or secrets.token_urlsafe(24)
        if not self.port:
            self.port = self._usual_port(port)

    def _own_data(self) -> None:
        """Bring data that the servers' user of an earlier version left to the present one."""
        if self.user and self.data.exists():
            owner = self.data.lstat().st_uid
            if owner not in former_users() | {os.geteuid()}:
                raise foreign(self.data, owner)
            give(self.data, self.user)
            others = former_users() - {self.user.uid}
            give_tree(self.data, self.user.uid, self.user.gid, others)

    def launch(self) -> None:
        """Start the process; it ends when this one does."""
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.old"))
        with _opened_log(self.log) as log:
            self.process = spawn(
                self.command(), log, self.feed(), self.stop_signal,
                env=server_environment(), **credentials(self.user),
            )  # fmt: skip

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
        """Learn how to reach this folder's server, which another process of ours runs."""
        self.password, self.port = self.kept_password(), int(self._kept("port"))

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

    def _earlier_port(self) -> str:
        """The port of the last time, whoever wrote it down; no link is followed for it."""
        with suppress(OSError, ValueError):
            return self._kept("port")
        return ""

    def _usual_port(self, earlier: str) -> int:
        """The port of the last time when it is still free: people keep it in other tools."""
        known = earlier.isdecimal() and int(earlier) in _PORTS and port_is_free(int(earlier))
        return int(self._keep("port", earlier if known else str(free_port())))

    def _kept(self, name: str) -> str:
        """A small file of the home; empty when there is none."""
        with suppress(FileNotFoundError):
            return read_plain(self.home / name, _LONGEST).decode()
        return ""

    def _keep(self, name: str, content: str, mode: int = 0o600) -> str:
        """Write a file of ours, whole or not at all."""
        partial = self.home / f"{name}.new"
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, _NEW, mode), "w") as sink:
            sink.write(content)
        partial.chmod(mode)  # whatever the umask
        partial.replace(self.home / name)
        return content

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])


def _opened_log(path: Path) -> IO[bytes]:
    """The log, to append to; the server gets no more than this descriptor."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "ab")
