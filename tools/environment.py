"""Make `.venv` from `requirements.lock`: once per change of it, however many ask at once.

It needs a Python 3.11 or newer and nothing else. `make` calls it before every task. With `run` it
leaves out what only tests and development need. For the tasks on a Spark cluster it is asked for
more: `spark` puts the client into `.venv` as well, `cluster` makes `.venv-cluster`, where the
servers are.
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
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Environment:
    """A lock and the folder that it is installed in."""

    folder: Path
    lock: Path
    groups: tuple[str, ...] = ()
    """The groups of pyproject.toml that are installed of the lock; none: all of it."""

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """A file that says what was installed; one for each lock of a folder."""
        name = self.lock.stem.replace("requirements", "environment")
        return self.folder / (f"{name}-run" if self.groups else name)

    def fingerprint(self) -> str:
        """What it is made from: the lock, this project's metadata, the folder."""
        found = tomllib.loads((ROOT / "pyproject.toml").read_text())
        asked = [found["dependency-groups"][name] for name in self.groups]
        project = repr((found["project"], *asked) if asked else found["project"])
        parts = (self.lock.read_bytes(), project.encode(), str(ROOT).encode())
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def has_python(self) -> bool:
        """Whether there is an interpreter that this user can run; its home may be out of reach."""
        return os.access(self.python, os.X_OK)

    def is_ready(self) -> bool:
        """Whether it was made, to its end, from what is here now."""
        return (
            self.has_python()
            and self.stamp.exists()
            and self.stamp.read_text() == self.fingerprint()
        )

    def install(self, *what: str | Path, with_pip: tuple[str | Path, ...] = ()) -> None:
        """Install with uv, in seconds.

        Without access to what uv reads its packages from, pip does the same in minutes, or what is
        said `with_pip`: it knows the mirrors and certificates of the user's pip configuration,
        which uv does not read.
        """
        uv = (BASE.folder / "bin" / "uv", "pip", "install", "-q", "--compile-bytecode")
        try:
            run(*uv, "--python", self.python, *what)
        except (subprocess.CalledProcessError, OSError):
            print("uv could not, pip tries (this takes minutes)", flush=True)
            run(self.python, "-m", "pip", "install", "-q", *(with_pip or what))

    def install_pinned(self) -> None:
        """Install all of the lock, or what the groups ask for in the versions of the lock.

        pip knows no groups, and installs all.
        """
        everything = ("--require-hashes", "-r", self.lock)
        if not self.groups:
            self.install(*everything)
            return
        chosen: list[str] = [part for name in self.groups for part in ("--group", name)]
        asked: tuple[str | Path, ...] = ("-c", self.lock, "-r", ROOT / "pyproject.toml", *chosen)
        self.install("--require-hashes", *asked, with_pip=everything)

    def make(self) -> None:
        """Create or update it; the stamp comes last, so a cut-off run starts again."""
        print(f"Making {self.folder.name} from {self.lock.name}", flush=True)
        self.stamp.unlink(missing_ok=True)
        if not self.has_python():
            venv.create(self.folder, with_pip=True, clear=True, symlinks=True)
        if self in {BASE, RUN}:
            install_uv()
        self.install_pinned()
        if self in {BASE, RUN}:
            self.install("--no-deps", "--no-build-isolation", "-e", ROOT)
        self.stamp.write_text(self.fingerprint())


BASE = Environment(ROOT / ".venv", ROOT / "requirements.lock")
RUN = Environment(BASE.folder, BASE.lock, ("ingest", "scoring", "gateway", "cli", "install"))
ON_DEMAND = {
    "spark": Environment(BASE.folder, ROOT / "requirements-spark.lock"),
    "cluster": Environment(ROOT / ".venv-cluster", ROOT / "requirements-cluster.lock"),
}


def run(*command: str | Path) -> None:
    """Run a command from the project's folder; raises CalledProcessError."""
    subprocess.run([str(part) for part in command], check=True, cwd=ROOT)


def pinned_uv() -> str:
    """The lock's entry for uv: one version, and the hashes of its files."""
    found = re.search(r"^uv==.*(?:\n +--hash.*)*", BASE.lock.read_text(), re.MULTILINE)
    return found.group() if found else sys.exit("requirements.lock pins no uv")


def install_uv() -> None:
    """Install uv with pip."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirement:
        requirement.write(pinned_uv())
        requirement.flush()
        run(BASE.python, "-m", "pip", "install", "-q", "--require-hashes", "-r", requirement.name)


def main(names: list[str]) -> None:
    """Make `.venv` and what else is named, unless ready; a second caller waits for the first."""
    if unknown := set(names) - set(ON_DEMAND) - {"run"}:
        sys.exit(f"there is no {', '.join(unknown)}: only run, {', '.join(ON_DEMAND)}")
    with BASE.lock.open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        base = RUN if "run" in names and not BASE.is_ready() else BASE
        for environment in (base, *(ON_DEMAND[name] for name in names if name != "run")):
            if not environment.is_ready():
                environment.make()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"setting up the environment failed: {error}")
