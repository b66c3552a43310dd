"""Files that somebody dropped where nobody reads them: beside the watched folder or in a folder
inside it."""

from collections.abc import Iterator
from pathlib import Path

from rfm_common.filenames import TABLES
from rfm_common.settings import Settings


def find_strays(settings: Settings) -> list[Path]:
    """The files, by path."""
    places = [settings.data_dir, *(path for path in _list(settings.input_dir) if path.is_dir())]
    return sorted(path for place in places for path in _list(place) if _is_table(path))


def say_strays(settings: Settings, strays: list[Path]) -> str:
    """What was found, as a sentence."""
    more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
    return f"{strays[0]}{more}: not in the watched folder {settings.input_dir}, so not read"


def _list(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:  # not there, or not ours to look into
        return


def _is_table(path: Path) -> bool:
    is_visible = not path.name.startswith(".")
    return is_visible and path.name.lower().endswith(TABLES) and path.is_file()
