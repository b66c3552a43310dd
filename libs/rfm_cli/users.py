"""Under root: which user the private servers run as, and where this user can reach them.

PostgreSQL refuses to run as root. A normal user runs the servers as itself, and none of this
does anything.
"""

import hashlib
import logging
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rfm_cli.folders import own_folder

log = logging.getLogger(__name__)

OWN_USER = "rfm-servers"
"""Runs the servers of root and nothing else."""
UNPRIVILEGED = "nobody"
"""Runs them where no user can be made, and ran them before OWN_USER."""
ELSEWHERE = Path("/var/lib/rfm")
"""Where servers live when the state folder is below one that their user may not enter."""

_HARMLESS = re.compile("PATH|TZ|TMPDIR|LANG|(LC|LD|DYLD)_.*")
_MAKE_USER = (
    ("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
     "--shell", "/usr/sbin/nologin", OWN_USER),
    ("adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", OWN_USER),
)  # fmt: skip
"""Of most systems, and of BusyBox."""


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


def server_user() -> Identity | None:
    """Who runs the servers; None is the present user.

    Under root it is a user of their own, which is made when there is none yet.
    """
    if not is_root():
        return None
    if _find(OWN_USER) is None:
        _make_user()
    return _find(OWN_USER) or _find(UNPRIVILEGED)


def former_users() -> set[int]:
    """The numbers of all who may have run the servers of root."""
    found = (_find(OWN_USER), _find(UNPRIVILEGED)) if is_root() else ()
    return {user.uid for user in found if user}


def _find(name: str) -> Identity | None:
    with suppress(KeyError):
        found = pwd.getpwnam(name)
        return Identity(found.pw_uid, found.pw_gid)
    return None


def _make_user() -> None:
    command = next((one for one in _MAKE_USER if shutil.which(one[0])), None)
    if command is None:
        reason = "there is no useradd and no adduser"
    else:
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        reason = done.stderr.strip()
    if _find(OWN_USER) is None:
        log.warning(
            "the servers run as %s, which other services may run as too: the user %s could not be"
            " made (%s)", UNPRIVILEGED, OWN_USER, reason,
        )  # fmt: skip


def credentials(user: Identity | None) -> dict[str, Any]:
    """The arguments that make subprocess become this user."""
    return {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}


def server_environment() -> dict[str, str]:
    """What servers get of our environment: no key of ours is in it."""
    return {name: value for name, value in os.environ.items() if _HARMLESS.fullmatch(name)}


def give(path: Path, user: Identity | None) -> None:
    """Make this user the owner of what lies in a folder of ours."""
    if user:
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def server_home(folder: Path, user: Identity | None) -> Path:
    """Make the folder of a server, ours, through which its user may pass to its data.

    When that user cannot reach it (root's own home has mode 700), it lives in ELSEWHERE and
    `folder` is a link to it; deleting the link forgets it, like deleting the folder would.
    """
    own_folder(folder.parent)
    if user and not folder.exists() and not user.may_reach(folder):
        _link_elsewhere(folder)
    home = folder.resolve()
    own_folder(home, 0o711 if user else 0o700, former_users())
    return home


def _link_elsewhere(folder: Path) -> None:
    own_folder(ELSEWHERE, 0o755)
    home = ELSEWHERE / f"{folder.name}-{secrets.token_hex(6)}"
    home.mkdir()
    folder.unlink(missing_ok=True)  # a link whose target is gone
    folder.symlink_to(home)


def reachable_program(folder: Path, user: Identity | None) -> Path:
    """The folder of a program as this user can run it: itself, or a copy in ELSEWHERE."""
    if not user or user.may_reach(folder / "program"):
        return folder
    version = f"{folder.resolve()} {folder.stat().st_mtime_ns}"  # a new wheel is a new copy
    digest = hashlib.sha256(version.encode()).hexdigest()[:12]
    own_folder(ELSEWHERE, 0o755)
    copy = ELSEWHERE / f"{folder.name}-program-{digest}"
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(folder, partial, symlinks=True)
        partial.chmod(0o755)
        partial.rename(copy)
    return copy
