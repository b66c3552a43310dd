"""Writing a file of personal data into a folder that others may write in, as `/tmp`."""

import errno
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_MODE = 0o600


@contextmanager
def appearing(target: Path, *, replace: bool) -> Generator[IO[bytes]]:
    """A new file of this user's alone (mode 600) that gets its name when it is complete.

    What is written goes through the descriptor: whoever owns the folder may take the name away,
    but cannot make this write elsewhere. Raises FileExistsError when the name is taken, unless
    `replace`; a link is replaced and not followed.
    """
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".rfm-", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
            _publish(Path(name), target, replace=replace)
            if not os.path.samestat(os.fstat(sink.fileno()), target.lstat()):
                raise OSError(errno.EACCES, "somebody else exchanged the file", str(target))
    finally:
        Path(name).unlink(missing_ok=True)


def _publish(partial: Path, target: Path, *, replace: bool) -> None:
    if replace:
        partial.replace(target)
        return
    try:
        target.hardlink_to(partial)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        target.touch(mode=_MODE, exist_ok=False)
        partial.replace(target)
