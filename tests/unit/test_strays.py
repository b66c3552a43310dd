"""A file beside the watched folder is noticed; nothing else there is."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from rfm_common.settings import Settings
from rfm_common.strays import find_strays, say_strays


def watching(folder: Path) -> Settings:
    folder.mkdir(parents=True)
    return Settings(_env_file=None, input_dir=folder)  # type: ignore[call-arg]


def test_files_beside_and_inside_folders_of_the_watched_folder_are_strays(tmp_path: Path) -> None:
    settings = watching(tmp_path / "data/input")
    (settings.input_dir / "2026").mkdir()
    strays = [tmp_path / "data/orders.CSV", settings.input_dir / "2026/orders.xlsx"]
    for path in (*strays, settings.input_dir / "read.csv", tmp_path / "data/notes.md",
                 tmp_path / "data/.hidden.csv", tmp_path / "elsewhere.csv"):  # fmt: skip
        path.write_text("")
    assert find_strays(settings) == sorted(strays)
    assert str(settings.input_dir) in say_strays(settings, strays)
    assert "and 1 more" in say_strays(settings, strays)


def test_what_was_read_is_no_stray(tmp_path: Path) -> None:
    settings = watching(tmp_path / "data/input")
    for folder in (settings.archive_dir, settings.quarantine_dir, settings.held_dir):
        folder.mkdir()
        (folder / "7-orders.csv").write_text("")
    assert find_strays(settings) == []


@pytest.mark.parametrize(
    ("given", "beside"),
    [("data/input", "data"), ("inbox", "."), ("/srv/inbox", "/srv"), ("data/input/", "data")],
)
def test_the_other_folders_lie_beside_the_watched_one(given: str, beside: str) -> None:
    settings = Settings(_env_file=None, DATA_DIR=given)  # type: ignore[call-arg]
    assert settings.archive_dir == Path(beside) / "archive"
    assert settings.quarantine_dir == Path(beside) / "quarantine"


@pytest.mark.parametrize("name", ["archive", "quarantine", "held"])
def test_the_watched_folder_is_none_of_the_others(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError, match=f"cannot be called {name}"):
        Settings(_env_file=None, input_dir=tmp_path / name)  # type: ignore[call-arg]


def test_the_folder_of_an_earlier_version_is_recognised(tmp_path: Path) -> None:
    """DATA_DIR used to name the folder above: what lies in it would be watched now."""
    for name in ("input", "archive"):
        (tmp_path / name).mkdir()
    with pytest.raises(ValidationError, match=f"DATA_DIR={tmp_path}/input"):
        Settings(_env_file=None, input_dir=tmp_path)  # type: ignore[call-arg]
