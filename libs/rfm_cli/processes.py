"""Starting server processes: free ports, an unprivileged user under root, no orphans."""

import ctypes
import hashlib
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

UNPRIVILEGED = "nobody"
_PR_SET_PDEATHSIG = 1


class ServerError(RuntimeError):
    """A private server did not start or stop; the message ends with its log's last lines."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_root() -> bool:
    """Whether servers have to change user, because PostgreSQL refuses to run as root."""
    return os.geteuid() == 0


def reachable(path: Path) -> bool:
    """Whether an unprivileged user may pass every folder above `path`."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def give_away(path: Path) -> None:
    """Make the server's user the owner; nothing to do for a normal user."""
    if is_root():
        shutil.chown(path, UNPRIVILEGED, "nogroup")


def server_home(folder: Path) -> Path:
    """Create the folder of a server, owned by the user that it will run as.

    Under root a state folder below a private one (`/root`, mode 700) cannot be reached by that
    user; the server then lives under /var/lib/rfm, told apart by the state folder's path.
    """
    if is_root() and not reachable(folder):
        digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
        folder = Path("/var/lib/rfm") / f"{digest}-{folder.name}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    folder.chmod(0o700)
    give_away(folder)
    return folder


def reachable_program(folder: Path) -> Path:
    """The folder of a program as the server's user can run it: itself, or a copy."""
    if not is_root() or reachable(folder / "x"):
        return folder
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    copy = Path("/var/lib/rfm/programs") / f"{digest}-{folder.name}"
    if not copy.exists():
        partial = copy.with_suffix(f".{os.getpid()}")
        shutil.copytree(folder, partial, symlinks=True)
        partial.rename(copy)
    return copy


def kept_secret(path: Path) -> str:
    """A password made once and kept beside the server, readable by its owner only."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
        give_away(path)
    return path.read_text()


def credentials() -> dict[str, Any]:
    """The arguments that make subprocess drop root; nothing for a normal user."""
    return {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []} if is_root() else {}


def die_with_parent(number: int) -> Callable[[], None] | None:
    """Ask Linux to signal the child when this process dies in any way, even by kill -9."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)

    return arrange


def spawn(
    command: Sequence[str | Path], log: Path, death_signal: int = signal.SIGTERM
) -> "subprocess.Popen[bytes]":
    """Start a server in its own session, its output appended to `log`."""
    with log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603
            [str(part) for part in command],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            cwd="/", start_new_session=True, preexec_fn=die_with_parent(death_signal),  # noqa: PLW1509
            **credentials(),
        )  # fmt: skip


def wait_until(
    ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path, seconds: float = 60
) -> None:
    """Poll until `ready`; a process that ends or takes too long raises ServerError."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise ServerError(f"a server did not start, {log} ends with:\n{tail}")
        time.sleep(0.02)


def stop(process: "subprocess.Popen[bytes]", number: int, seconds: float = 8) -> None:
    """Signal the process and wait; kill it when it does not end in time."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
