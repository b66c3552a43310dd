"""PostgreSQL's client programs on the database of the settings."""

import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from rfm_cli.postgres import programs
from rfm_cli.processes import die_with_parent
from rfm_common.errors import RfmError
from rfm_common.settings import Settings

_PSQL = ("psql", "--no-psqlrc")
_MESSAGE = 2000
"""Characters of what a program complains about that are told."""


class DatabaseError(RfmError):
    """A program of PostgreSQL failed; the message is its own."""


def ask(settings: Settings, query: str) -> str:
    """The answer of psql to one query: a line per row, fields divided by `|`."""
    command = _command(*_PSQL, "--tuples-only", "--no-align", "--command", query)
    done = subprocess.run(  # noqa: S603 - arguments are ours
        command, check=False, capture_output=True, text=True, env=_reaching(settings)
    )
    _require(command, done.returncode, done.stderr)
    return str(done.stdout)


def dump(settings: Settings, sink: IO[bytes]) -> None:
    """Write the database in SQL, as of one moment."""
    command = _command("pg_dump", "--no-owner", "--no-privileges")
    done = subprocess.run(  # noqa: S603
        command, check=False, stdout=sink, stderr=subprocess.PIPE, text=True,
        env=_reaching(settings),
    )  # fmt: skip
    _require(command, done.returncode, done.stderr)


def run_script(settings: Settings, lines: Iterable[bytes]) -> None:
    """Run SQL, and data for its COPYs, up to the first error.

    psql refuses every backslash command in it: with one, a script could run programs. The script
    commits for itself, so that one that ends early has done nothing.
    """
    restrict = f"\\restrict {secrets.token_hex(16)}"
    command = _command(
        *_PSQL, "--quiet", "--set=ON_ERROR_STOP=1", f"--command={restrict}", "--file=-"
    )
    with tempfile.TemporaryFile() as said:
        code = _feed(command, lines, settings, said)
        said.seek(0)
        _require(command, code, said.read().decode(errors="replace"))


def _feed(command: list[str], lines: Iterable[bytes], settings: Settings, said: IO[bytes]) -> int:
    running = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
        env=_reaching(settings), preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
    )  # fmt: skip
    try:
        # A broken pipe: it has ended, and says why.
        with suppress(BrokenPipeError), cast("IO[bytes]", running.stdin) as sink:
            sink.writelines(lines)
    except BaseException:
        running.kill()
        raise
    finally:
        code = running.wait()
    return code


def _command(program: str, *arguments: str) -> list[str]:
    return [str(programs(None) / program), *arguments]


def _reaching(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "PGHOST": settings.db_host,
        "PGPORT": str(settings.db_port),
        "PGUSER": settings.db_user,
        "PGPASSWORD": settings.db_password.get_secret_value(),
        "PGDATABASE": settings.db_name,
    }


def _require(command: list[str], code: int, said: str) -> None:
    if code:
        raise DatabaseError(f"{Path(command[0]).name}: {said.strip()[-_MESSAGE:]}")
