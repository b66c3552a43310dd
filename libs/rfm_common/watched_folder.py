"""The watched folder: what in it was dropped to be loaded, and under which name."""

import os
import stat
from contextlib import suppress
from pathlib import Path

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp", "~")
MAPPING_FILE = "mapping.toml"


def is_unfinished(name: str) -> bool:
    """Whether the name says that the file is hidden or still being written."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def list_dropped(folder: Path) -> list[tuple[Path, os.stat_result]]:
    """Every entry that someone may have meant to drop, oldest first; none without the folder."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        names = [entry for entry in entries if _may_be_dropped(entry.name)]
        found = [(Path(entry.path), status) for entry in names if (status := _file_status(entry))]
        return sorted(found, key=lambda item: (item[1].st_mtime_ns, item[0].name))
    return []


def _may_be_dropped(name: str) -> bool:
    return not is_unfinished(name) and name != MAPPING_FILE


def _file_status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """None for a folder, and for what is gone since it was listed."""
    with suppress(FileNotFoundError):
        status = entry.stat(follow_symlinks=False)
        return None if stat.S_ISDIR(status.st_mode) else status
    return None


def readable_name(path: Path) -> str:
    """The file's name as text that any database and any JSON can hold."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def waiting_names(folder: Path) -> list[str]:
    """Names of dropped files that are not loaded yet, oldest first."""
    return [readable_name(path) for path, _ in list_dropped(folder)]
