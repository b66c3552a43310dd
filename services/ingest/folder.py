"""The dropped file as an object of the file system: found, opened safely, moved for good.

Names are never trusted twice: a file is opened once, without following links, and everything
later (hash, rows, move) is about that descriptor's device, inode, size and time.
"""

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ingest.refusal import ChangedError, RefusedError
from rfm_common.arrivals import identity_text
from rfm_common.filenames import REJECTS
from rfm_common.taking import take_name
from rfm_common.watched_folder import list_dropped, readable_name

LONGEST_NAME = 255
"""Bytes that Linux and macOS allow in a name."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file was when it was looked at; any write or replacement changes it."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Identity":
        """The identity in a stat result."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    @property
    def text(self) -> str:
        """For the ledger."""
        return identity_text(self.inode, self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Dropped:
    """An entry of the watched folder, or a file that waited and is to be read."""

    path: Path
    status: os.stat_result
    import_id: int | None = None
    """Of a file that waited: the import that goes on."""
    dropped_as: str | None = None
    """Its name in the watched folder, where it has another one by now."""

    @property
    def identity(self) -> Identity:
        """What it is now."""
        return Identity.of(self.status)

    @property
    def name(self) -> str:
        """The name under which it was dropped, as text that any database can store."""
        if self.dropped_as is not None:
            return self.dropped_as
        return readable_name(self.path)

    def check_unchanged(self) -> None:
        """Raise ChangedError or FileNotFoundError when the name now means something else."""
        if Identity.of(self.path.lstat()) != self.identity:
            raise ChangedError


def listing(folder: Path) -> list[Dropped]:
    """Every entry that someone may have meant to drop, oldest first; none without the folder."""
    return [Dropped(path, status) for path, status in list_dropped(folder)]


def entry_named(folder: Path, name: str) -> Path:
    """The entry that is called so in the ledger; the name itself where there is none.

    The ledger's name of a file whose own is not UTF-8 is another one.
    """
    path = folder / name
    if "\ufffd" not in name or os.path.lexists(path):
        return path
    return next((item.path for item in listing(folder) if item.name == name), path)


def check_ordinary(status: os.stat_result) -> None:
    """Refuse what is not a plain file of its own: its content could change behind our back."""
    if stat.S_ISLNK(status.st_mode):
        raise RefusedError("symbolic_link", "this is a symbolic link; drop the file itself")
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("special_file", "this is a folder, device, pipe or socket; drop a file")
    if status.st_nlink > 1:
        raise RefusedError(
            "hard_link", f"this file has {status.st_nlink} names (hard links); drop a copy"
        )


@contextmanager
def opened(path: Path) -> Generator[BinaryIO]:
    """Open an ordinary file, following no link and never waiting for a pipe's writer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            check_ordinary(path.lstat())
        raise
    try:
        check_ordinary(os.fstat(descriptor))
    except RefusedError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        yield file


def has_writer(file: BinaryIO) -> bool:
    """Whether some process has the file open for writing, where the system can tell.

    A read lease is refused while there is a writer. Only Linux has leases, and not on network
    folders: there the answer is no, and only the settling time protects.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        fcntl.fcntl(file.fileno(), fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(file.fileno(), fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def check_unchanged(file: BinaryIO, expected: Identity) -> None:
    """Raise ChangedError when the open file is not what it was, or was removed meanwhile."""
    status = os.fstat(file.fileno())
    if Identity.of(status) != expected or status.st_nlink == 0:
        raise ChangedError


def stored_name(import_id: int, name: str) -> str:
    """`<import_id>-<name>`, cut so that it and its `.rejects.csv` fit into a file name."""
    prefix, suffix = f"{import_id}-", Path(name).suffix[:16]
    room = LONGEST_NAME - len(os.fsencode(prefix + suffix)) - len(f"{REJECTS}.part")
    stem = os.fsencode(Path(name).stem)[:room].decode(errors="ignore")
    return prefix + stem + suffix


def move(path: Path, target: Path, expected: Identity) -> None:
    """Move exactly the file that was judged; raise ChangedError when another took its name.

    The second look catches a replacement between the first look and the rename: the newcomer is
    put back, never over a still newer one.
    """
    if Identity.of(path.lstat()) != expected:
        raise ChangedError
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_across(path, target, expected)
        return
    if Identity.of(target.lstat()) != expected:
        _put_back(target, path)
        raise ChangedError


def _put_back(target: Path, path: Path) -> None:
    free, number = path, 1
    while not take_name(target, free):
        number += 1
        free = path.with_name(f"{path.stem}-again-{number}{path.suffix}")


def _copy_across(path: Path, target: Path, expected: Identity) -> None:
    """Copy to another file system under an unfinished name, then rename, then remove the source."""
    partial = target.with_name(f"{target.name}.part")
    try:
        with opened(path) as source, partial.open("wb") as sink:
            check_unchanged(source, expected)
            shutil.copyfileobj(source, sink)
            sink.flush()
            os.fsync(sink.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    path.unlink()
