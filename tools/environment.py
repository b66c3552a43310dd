"""Make `.venv` from `requirements.lock`: once per change of it, however many ask at once.

It needs a Python 3.11 or newer and nothing else. `make` calls it before every task.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older one shall get a sentence, not a trace
    found = f"{sys.executable} is {sys.version.split()[0]}"
    sys.exit(f"RFM needs Python 3.11 or newer, {found}; try: make PYTHON=python3.12 ...")

import fcntl
import hashlib
import os
import re
import subprocess
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "environment"


def fingerprint() -> str:
    """What the environment is made from: the lock, this project's metadata, the folder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    parts = (LOCK.read_bytes(), repr(project).encode(), str(ROOT).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def has_python() -> bool:
    """Whether there is an interpreter that this user can run; its home may be out of reach."""
    return os.access(PYTHON, os.X_OK)


def is_ready() -> bool:
    """Whether `.venv` was made, to its end, from what is here now."""
    return has_python() and STAMP.exists() and STAMP.read_text() == fingerprint()


def run(*command: str | Path) -> None:
    """Run a command from the project's folder; raises CalledProcessError."""
    subprocess.run([str(part) for part in command], check=True, cwd=ROOT)


def install(*what: str | Path) -> None:
    """Install with uv, in seconds.

    Without access to what uv reads its packages from, pip does the same in minutes: it knows the
    mirrors and certificates of the user's pip configuration, which uv does not read.
    """
    try:
        run(
            VENV / "bin" / "uv",
            "pip",
            "install",
            "-q",
            "--compile-bytecode",
            "--python",
            PYTHON,
            *what,
        )
    except (subprocess.CalledProcessError, OSError):
        print("uv could not, pip tries (this takes minutes)", flush=True)
        run(PYTHON, "-m", "pip", "install", "-q", *what)


def pinned_uv() -> str:
    """The lock's entry for uv: one version, and the hashes of its files."""
    found = re.search(r"^uv==.*(?:\n +--hash.*)*", LOCK.read_text(), re.MULTILINE)
    return found.group() if found else sys.exit("requirements.lock pins no uv")


def install_uv() -> None:
    """Install uv with pip."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirement:
        requirement.write(pinned_uv())
        requirement.flush()
        run(PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "-r", requirement.name)


def make() -> None:
    """Create or update the environment; the stamp comes last, so a cut-off run starts again."""
    print("Making .venv from requirements.lock", flush=True)
    STAMP.unlink(missing_ok=True)
    if not has_python():
        venv.create(VENV, with_pip=True, clear=True, symlinks=True)
    install_uv()
    install("--require-hashes", "-r", LOCK)
    install("--no-deps", "--no-build-isolation", "-e", ROOT)
    STAMP.write_text(fingerprint())


def main() -> None:
    """Make the environment unless it is ready; a second caller waits for the first."""
    with LOCK.open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not is_ready():
            make()


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"setting up .venv failed: {error}")
