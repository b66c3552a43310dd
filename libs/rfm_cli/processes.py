"""Processes that never outlive their supervisor, and those of an earlier one that did."""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

_PR_SET_PDEATHSIG = 1
_PORTS = range(15_000, 32_000)  # below the ports that systems give to outgoing connections


class ServerError(RuntimeError):
    """A server did not start; the message says why and what to do."""


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind((host, port))
            return True
    return False


def free_port() -> int:
    """A port on loopback that nobody listens on; random, so that two callers do not collide."""
    while not port_is_free(port := secrets.choice(_PORTS)):
        pass
    return port


def die_with_parent(number: int) -> Callable[[], None] | None:
    """A preexec_fn: Linux signals the child when this process dies in any way, even by kill -9.

    It is tied to the thread that starts the child, so children are started by the main thread.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died before the line above
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


def spawn(
    command: Sequence[str | Path],
    log: IO[bytes],
    feed: bytes = b"",
    death_signal: int = signal.SIGTERM,
    **credentials: Any,
) -> "subprocess.Popen[bytes]":
    """Start a server in its own session, its output appended to `log`; `feed` is its input."""
    process = subprocess.Popen(  # noqa: S603
        [str(part) for part in command],
        stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
        cwd="/", start_new_session=True, preexec_fn=die_with_parent(death_signal),  # noqa: PLW1509
        **credentials,
    )  # fmt: skip
    with suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as sink:  # its log says why
        sink.write(feed)
    return process


def command_line(pid: int) -> str:
    """The command line of a running process, empty when there is none."""
    with suppress(OSError):
        if Path("/proc/self/cmdline").exists():
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
            return raw.replace(b"\0", b" ").decode(errors="replace").strip()
        ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(ps, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603
    return ""


def end_leftover(pid: int, marker: str, number: int, seconds: float = 15) -> bool:
    """End a process of an earlier supervisor, and only if its command line holds `marker`.

    Signals it with `number` and waits, then kills. Returns whether there was one.
    """
    if marker not in command_line(pid):
        return False
    deadline = time.monotonic() + seconds
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        while marker in command_line(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
    return True


def signal_group(pid: int, number: int) -> None:
    """Signal a process started in its own session and all of its children."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def describe_exit(code: int) -> str:
    """An exit code in words: `exit code 3`, `SIGKILL`."""
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"
