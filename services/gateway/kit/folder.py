"""The watched folder as the gateway sees it: what waits in it, and names for what is put in."""

import os
import re
import unicodedata
from pathlib import Path

from rfm_common.filenames import TABLES

UNFINISHED = (".part", ".tmp")
LONGEST = 120


def waiting_files(folder: Path) -> list[str]:
    """Names of dropped files that are not loaded yet, oldest first; a missing folder has none."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if entry.is_file() and is_dropped(entry.name)]
            found.sort(key=lambda entry: entry.stat().st_mtime_ns)
    except FileNotFoundError:
        return []
    return [entry.name for entry in found]


def is_dropped(name: str) -> bool:
    """Whether someone put it there to be loaded: not hidden, not half-written, not settings."""
    return not name.startswith(".") and not name.endswith((*UNFINISHED, ".toml"))


def safe_name(client_name: str) -> str | None:
    """A plain file name made from what a client calls its file; None when it is no table.

    Only the part after the last slash of either kind counts, and only word characters, dots,
    dashes and spaces of it.
    """
    base = re.split(r"[/\\]", unicodedata.normalize("NFKC", client_name))[-1]
    plain = re.sub(r"[^\w.\- ]+", "_", base).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not stem or f"{dot}{suffix}".lower() not in TABLES:
        return None
    return f"{stem[: LONGEST - len(suffix) - 1].rstrip(' .')}.{suffix}"


def free_name(folder: Path, name: str) -> str:
    """The name, or with -2, -3 ... before the suffix while it is taken."""
    stem, _, suffix = name.rpartition(".")
    taken, number = name, 1
    while (folder / taken).exists():
        number += 1
        taken = f"{stem}-{number}.{suffix}"
    return taken
