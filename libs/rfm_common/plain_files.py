"""Reading a small file of somebody else's folder: no link is followed, no pipe is waited for."""

import errno
import os
import stat
from pathlib import Path


def read_plain(path: Path, most: int) -> bytes:
    """The content of a plain file. Raises OSError for what is none, and for more than `most` bytes.

    The second look is at what was opened: the name may mean something else by then.
    """
    _check_plain(path.lstat(), path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _check_plain(os.fstat(file.fileno()), path)
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most} bytes", str(path))
    return content


def _check_plain(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(
            errno.EINVAL, "a link, folder, device, pipe or socket, not a plain file", str(path)
        )
