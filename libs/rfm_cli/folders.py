"""Folders in which names may be followed: those of the user who runs this, and nobody else's.

Whoever owns a folder can put a link where a file is expected. So a folder is used only after its
owner and its mode were looked at through a descriptor, and a folder that belongs to a server is
never written in by name.
"""

import os
import pwd
import shutil
import stat
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from rfm_common.errors import RfmError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OTHERS_WRITE = 0o022


class StateFolderError(RfmError):
    """The state folder cannot be used."""


def own_folder(path: Path, mode: int | None = None, former: Collection[int] = ()) -> None:
    """Make the folder if there is none, and let nobody else write in it.

    One of a `former` owner (a number) is taken over. Raises StateFolderError for one of anybody
    else, and for a link that somebody else made.
    """
    path.mkdir(parents=True, exist_ok=True)
    me = os.geteuid()
    if path.is_symlink() and (owner := path.lstat().st_uid) not in (0, me):
        raise foreign(path, owner)
    descriptor = os.open(path, _FOLDER)
    try:
        found = os.fstat(descriptor)
        if found.st_uid in former:
            os.fchown(descriptor, me, os.getegid())
        elif found.st_uid != me:
            raise foreign(path, found.st_uid)
        os.fchmod(descriptor, mode or stat.S_IMODE(found.st_mode) & ~_OTHERS_WRITE)
    finally:
        os.close(descriptor)


def foreign(path: Path, owner: int) -> StateFolderError:
    """What to say when a folder belongs to somebody else."""
    return StateFolderError(
        f"{path} belongs to {user_name(owner)}: become that user, or choose another folder with"
        " --state-dir"
    )


def user_name(number: int) -> str:
    """The name of a user, or the number when there is no such user."""
    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return f"user {number}"


def remove_foreign(folder: Path, keep: Collection[str]) -> None:
    """Remove what is not a file or folder of this user's alone; folders in `keep` may be others'.

    For a folder of this user's that was somebody else's before.
    """
    for entry in os.scandir(folder):
        found = entry.stat(follow_symlinks=False)
        is_folder = stat.S_ISDIR(found.st_mode)
        is_kept = is_folder and entry.name in keep
        is_file = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        if is_kept or (found.st_uid == os.geteuid() and (is_folder or is_file)):
            continue
        if is_folder:
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()


def give_tree(top: Path, uid: int, gid: int, former: Collection[int]) -> None:
    """Give a folder and what is in it from former owners to another user.

    Follows no link, and gives away nothing of any other user's.
    """
    for _, _, names, folder in os.fwalk(top):
        _give(folder, uid, gid, former)
        for name in names:
            with suppress(OSError), _looked_at(name, folder) as file:  # a link: nobody's data
                _give(file, uid, gid, former)


@contextmanager
def _looked_at(name: str, folder: int) -> Generator[int]:
    descriptor = os.open(name, _LOOK, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _give(descriptor: int, uid: int, gid: int, former: Collection[int]) -> None:
    if os.fstat(descriptor).st_uid in former:
        os.fchown(descriptor, uid, gid)
