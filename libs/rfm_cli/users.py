"""Under root: which user the private servers run as, and folders that this user can enter.

PostgreSQL refuses to run as root. A normal user runs the servers as itself, and none of this
does anything.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNPRIVILEGED = "nobody"
ELSEWHERE = Path("/var/lib/rfm")
"""Where servers live when the state folder is below one that their user may not enter."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user other than root."""

    uid: int
    gid: int

    def may_enter(self, folder: Path) -> bool:
        """Whether this user may pass through the folder, by its owner, group and mode."""
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        shift = stat.S_IXGRP if found.st_gid == self.gid else stat.S_IXOTH
        return bool(found.st_mode & shift)

    def may_reach(self, path: Path) -> bool:
        """Whether this user may enter every existing folder above `path`."""
        above = path.absolute().parents
        return all(self.may_enter(folder) for folder in above if folder.exists())


def is_root() -> bool:
    """Whether servers have to change user."""
    return os.geteuid() == 0


def server_user(folder: Path) -> Identity | None:
    """Who runs the server of this folder; None is the present user.

    Under root: the folder's owner when a normal user made it, so that `sudo rfm up` after
    `rfm up` still reads the same data; else `nobody`.
    """
    if not is_root():
        return None
    if folder.exists() and (found := folder.stat()).st_uid:
        return Identity(found.st_uid, found.st_gid)
    nobody = pwd.getpwnam(UNPRIVILEGED)
    return Identity(nobody.pw_uid, nobody.pw_gid)


def credentials(user: Identity | None) -> dict[str, Any]:
    """The arguments that make subprocess become this user."""
    return {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}


def give(path: Path, user: Identity | None) -> None:
    """Make this user the owner."""
    if user:
        os.chown(path, user.uid, user.gid)


def server_home(folder: Path) -> Path:
    """Create the private folder of a server, owned by the user that it will run as.

    When that user cannot reach it (root's own home has mode 700), it lives in ELSEWHERE and
    `folder` is a link to it; deleting the link forgets it, like deleting the folder would.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    user = server_user(folder)
    if user and not folder.exists() and not user.may_reach(folder):
        return _linked_home(folder, user)
    home = folder.resolve()
    _private_folder(home, user)
    return home


def _linked_home(folder: Path, user: Identity) -> Path:
    home = _elsewhere() / f"{folder.name}-{secrets.token_hex(6)}"
    _private_folder(home, user)
    folder.unlink(missing_ok=True)  # a link whose target is gone
    folder.symlink_to(home)
    return home


def _private_folder(folder: Path, user: Identity | None) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    give(folder, user)


def _elsewhere() -> Path:
    ELSEWHERE.mkdir(parents=True, exist_ok=True)
    ELSEWHERE.chmod(0o755)  # whatever the umask
    return ELSEWHERE


def reachable_program(folder: Path, user: Identity | None) -> Path:
    """The folder of a program as this user can run it: itself, or a copy in ELSEWHERE."""
    if not user or user.may_reach(folder / "program"):
        return folder
    version = f"{folder.resolve()} {folder.stat().st_mtime_ns}"  # a new wheel is a new copy
    digest = hashlib.sha256(version.encode()).hexdigest()[:12]
    copy = _elsewhere() / f"{folder.name}-program-{digest}"
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(folder, partial, symlinks=True)
        partial.chmod(0o755)
        partial.rename(copy)
    return copy
