"""What the gateway puts into the watched folder: names, and giving them without a race."""

import errno
import os
import re
import unicodedata
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from rfm_common.errors import RfmError, UnavailableError
from rfm_common.filenames import TABLES
from rfm_common.taking import take_name

LONGEST = 120
"""Bytes of a name; file systems allow 255, and a number and an ending come to it."""
FULL = (errno.ENOSPC, errno.EDQUOT)


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
    plain = re.sub(r"[^\w.\- ]+", "_", base).strip(" .").lstrip("-")  # or an option of a command
    stem, dot, suffix = plain.rpartition(".")
    if not stem or f"{dot}{suffix}".lower() not in TABLES:
        return None
    short = stem.encode()[: LONGEST - len(suffix) - 1].decode(errors="ignore")
    return f"{short.rstrip(' .')}.{suffix}"


async def publish(
    path: Path, folder: Path, name: str, claim: Callable[[str], Awaitable[bool]]
) -> Path:
    """Give a file the name, or with -2, -3 ... before the suffix while it is taken; its path.

    Nothing is ever replaced, whoever takes the name meanwhile; a name that `claim` does not get
    counts as taken. Raises DiskFullError and UnavailableError.
    """
    stem, _, suffix = name.rpartition(".")
    target, number = folder / name, 1
    while os.path.lexists(target) or not await claim(target.name) or not _taken(path, target):
        number += 1
        target = folder / f"{stem}-{number}.{suffix}"
    return target


def _taken(path: Path, target: Path) -> bool:
    with on_disk():
        return take_name(path, target)
