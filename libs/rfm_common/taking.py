"""Giving a file a name that is free, whoever wants the same one at the same moment."""

import ctypes
import errno
import os
from pathlib import Path

AT_CWD, NOREPLACE = -100, 1
"""AT_FDCWD and RENAME_NOREPLACE of Linux."""
CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
"""What a system or a file system answers that cannot rename so."""


def take_name(path: Path, target: Path) -> bool:
    """Rename within a file system, or answer False where the name is taken."""
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
