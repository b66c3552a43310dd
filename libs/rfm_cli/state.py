"""The state folder: one supervisor at a time, and what it wrote down about its processes."""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rfm_cli.folders import StateFolderError, foreign, own_folder
from rfm_common.errors import RfmError
from rfm_common.plain_files import read_plain

_LONGEST = 100_000
"""Bytes of a record."""


class AlreadyRunningError(RfmError):
    """Another `rfm up` runs on this state folder."""


@dataclass(slots=True)
class Record:
    """Who supervises this folder, where the product is, and the pids of its services."""

    pid: int
    url: str
    input_dir: str
    services: dict[str, int] = field(default_factory=dict)


class StateFolder:
    """`.rfm/`: `lock` is held while a supervisor lives, `stack.json` says what it runs."""

    def __init__(self, folder: Path) -> None:
        self.path = folder.absolute()
        self._record = self.path / "stack.json"

    @contextmanager
    def held(self) -> Generator[None]:
        """Be the only supervisor; the system releases the lock however this process ends."""
        try:
            own_folder(self.path)
            lock = (self.path / "lock").open("a")
        except OSError as error:
            raise StateFolderError(
                f"cannot write in {self.path} ({error.strerror}): it may belong to another user;"
                " become that user, or choose another folder with --state-dir"
            ) from error
        with lock:
            self._acquire(lock.fileno())
            yield

    def _acquire(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            record = self.record()
            who = f" (pid {record.pid}) at {record.url}" if record else ""
            raise AlreadyRunningError(f"rfm already runs on {self.path}{who}") from None

    def record(self) -> Record | None:
        """What the last supervisor wrote down; None after a clean stop.

        Raises StateFolderError for what another user wrote, unless that is root: keys would be sent
        to the address that it names.
        """
        with suppress(FileNotFoundError, ValueError, TypeError):
            self._check_owner()
            return Record(**json.loads(read_plain(self._record, _LONGEST)))
        return None

    def _check_owner(self) -> None:
        for path in (self.path, self._record):
            if (owner := path.lstat().st_uid) not in (0, os.geteuid()):
                raise foreign(path, owner)

    def write(self, record: Record) -> None:
        """Replace the record, whole or not at all."""
        partial = self._record.with_suffix(".new")
        partial.write_text(json.dumps(asdict(record)))
        partial.replace(self._record)

    def forget(self) -> None:
        """Nothing runs any more."""
        self._record.unlink(missing_ok=True)

    def running(self) -> Record | None:
        """The record, None when its supervisor is gone: its number may be another process's now."""
        record = self.record()
        return record if record and _exists(record.pid) and self.is_held() else None

    def is_held(self) -> bool:
        """Whether somebody holds the lock."""
        with suppress(FileNotFoundError), (self.path / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
