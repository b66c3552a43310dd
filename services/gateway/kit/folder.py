"""What the gateway puts into the watched folder: names, and giving them without a race."""

import ctypes
import errno
import os
import re
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rfm_common.errors import RfmError, UnavailableError
from rfm_common.filenames import TABLES

LONGEST = 120
"""Bytes of a name; file systems allow 255, and a number and an ending come to it."""
FULL = (errno.ENOSPC, errno.EDQUOT)
AT_CWD, NOREPLACE = -100, 1
"""AT_FDCWD and RENAME_NOREPLACE of Linux."""
CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
"""What a system or a file system answers that cannot rename so."""


class DiskFullError(RfmError):
    """There is no room left on the disk."""


def storage_error(error: OSError) -> RfmError:
    """What the folder's disk refuses, called what it is."""
    if error.errno in FULL:
        return DiskFullError("there is no room left on the disk of the data folder")
    return UnavailableError(f"the data folder cannot be written: {error.strerror}")


@contextmanager
def on_disk() -> Generator[None]:
    """Raise DiskFullError or UnavailableError for what the disk refuses within the block."""
    try:
        yield
    except OSError as error:
        raise storage_error(error) from error


def safe_name(client_name: str) -> str | None:
    """A plain file name made from what a client calls its file; None when it is no table.

    Only the part after the last slash of either kind counts, and only word characters, dots,
    dashes and spaces of it.
    """
    base = re.split(r"[/\\]", unicodedata.normalize("NFKC", client_name))[-1]
    plain = re.sub(r"[^\w.\- ]+", "_", base).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not stem or f"{dot}{suffix}".lower() not in TABLES:
        return None
    short = stem.encode()[: LONGEST - len(suffix) - 1].decode(errors="ignore")
    return f"{short.rstrip(' .')}.{suffix}"


def publish(path: Path, folder: Path, name: str) -> Path:
    """Give a file the name, or with -2, -3 ... before the suffix while it is taken; its path.

    Nothing is ever replaced, whoever takes the name meanwhile.
    """
    stem, _, suffix = name.rpartition(".")
    target, number = folder / name, 1
    while not _take_name(path, target):
        number += 1
        target = folder / f"{stem}-{number}.{suffix}"
    return target


def _take_name(path: Path, target: Path) -> bool:
    """Rename, or answer False where the name is taken."""
    try:
        if not _renamed(path, target):
            os.link(path, target, follow_symlinks=False)  # fails as well where the name is taken
            path.unlink()
    except FileExistsError:
        return False
    return True


def _renamed(path: Path, target: Path) -> bool:
    """Rename where the name is free in one step; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(AT_CWD, os.fsencode(path), AT_CWD, os.fsencode(target), NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number in CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(path), None, str(target))
