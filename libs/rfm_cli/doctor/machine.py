"""The machine: libraries, folders, disk, port. Works with every server down."""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rfm_cli.doctor.checks import Check, fail, ok, warn
from rfm_cli.processes import port_is_free
from rfm_cli.state import StateFolder
from rfm_common.settings import Settings, env_file_doubts
from rfm_common.strays import find_strays, say_strays

LOCK_FILE = Path(__file__).resolve().parents[3] / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)
LITTLE, TIGHT = 5 * 2**30, 2**28
"""Free bytes below which to warn, and below which loads will fail."""


def machine(settings: Settings) -> Iterator[Check]:
    """Everything that needs no server."""
    yield names(settings)
    yield libraries(LOCK_FILE)
    yield from folders(settings)
    yield from disks(settings)
    yield port(settings)


def names(settings: Settings) -> Check:
    """Whether every name is one of ours, and used."""
    doubts = env_file_doubts()
    unused = sorted({"db_port", "db_name", "db_user", "db_password"} & settings.model_fields_set)
    if unused and "db_host" not in settings.model_fields_set:
        listed = ", ".join(map(str.upper, unused))
        doubts.append(f"{listed}: not used without DB_HOST; rfm up starts a private server")
    if doubts:
        return warn("settings", " ".join(doubts), "correct the name in the environment or in .env")
    return ok("settings", "every name is known")


def libraries(lock: Path) -> Check:
    """Whether what is installed is what was tested together."""
    if not lock.exists():
        return ok("libraries", "no lock file here to compare with")
    pinned: dict[str, set[str]] = defaultdict(set)
    for name, number in _PIN.findall(lock.read_text()):
        pinned[name].add(number)  # several, for several versions of Python
    other = [
        f"{name} {found} instead of {' or '.join(sorted(wanted))}"
        for name, wanted in pinned.items()
        if (found := _installed(name)) and found not in wanted
    ]
    if other:
        some = ", ".join(other[:5]) + (", ..." if len(other) > 5 else "")
        return warn("libraries", some, "make up installs the versions of requirements.lock")
    return ok("libraries", "as in requirements.lock")


def _installed(name: str) -> str | None:
    """None: not needed on this platform or by this service."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def folders(settings: Settings) -> Iterator[Check]:
    """Whether files can be taken in and put away, by a rename."""
    needed = (
        settings.input_dir, settings.archive_dir, settings.quarantine_dir, settings.held_dir
    )  # fmt: skip
    for folder in needed:
        yield _folder(folder)
    yield _strays(settings)
    devices = {path.stat().st_dev for path in needed if path.exists()}
    if len(devices) > 1:
        yield warn(
            "file system", f"the folders in {settings.data_dir} are on several file systems",
            "put them on one: then a file is moved in one step, and not copied",
        )  # fmt: skip


def _strays(settings: Settings) -> Check:
    if strays := find_strays(settings):
        found = say_strays(settings, strays)
        return warn("files elsewhere", found, "move them into the watched folder")
    return ok("files elsewhere", "none beside the watched folder")


def _folder(folder: Path) -> Check:
    name = f"folder {folder.name}"
    there = _nearest(folder)
    if not there.is_dir():
        return fail(name, f"{there} is a file", "move it away, or set DATA_DIR")
    if not os.access(there, os.W_OK | os.X_OK):
        return fail(name, f"{there} cannot be written", f"chown it to the user {os.geteuid()}")
    missing = "" if there == folder else ", will be made"
    return ok(name, f"{folder}{missing}")


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def disks(settings: Settings) -> Iterator[Check]:
    """Room for files, and for the private servers."""
    for name, folder in (
        ("disk of data", settings.data_dir),
        ("disk of state", settings.state_dir),
    ):
        there = _nearest(folder)
        free = shutil.disk_usage(there).free
        found = f"{free / 2**30:,.1f} GiB free at {there}"
        if free < TIGHT:
            yield fail(name, found, "make room: loads and runs will be rolled back")
        elif free < LITTLE:
            yield warn(name, found, "make room, or shorten RFM_ARCHIVE_DAYS and RFM_SNAPSHOT_DAYS")
        else:
            yield ok(name, found)


def port(settings: Settings) -> Check:
    """Whether the product runs, or could be started."""
    if running := StateFolder(settings.state_dir).running():
        return ok("port", f"the product runs at {running.url}")
    if port_is_free(settings.api_port, settings.api_host):
        return ok("port", f"{settings.api_port} is free")
    return warn(
        "port", f"something listens on {settings.api_port} of {settings.api_host}",
        "unless that is the gateway: rfm up --port 0, or another API_PORT",
    )  # fmt: skip
