"""Names for what the gateway puts into the watched folder."""

import re
import unicodedata
from pathlib import Path

from rfm_common.filenames import TABLES

LONGEST = 120


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
