"""What in the watched folder waits to be loaded: the same for ingest, gateway and `rfm doctor`."""

import os
from pathlib import Path

import pytest

from ingest.folder import listing
from rfm_cli.doctor import work
from rfm_common.settings import Settings
from rfm_common.watched_folder import MAPPING_FILE, waiting_names

UNFINISHED = ("orders.csv.crdownload", "orders.csv.filepart", "orders.csv~", "orders.CSV.PART",
              "Orders.csv.Download", ".orders.csv", ".~lock.orders.csv#", MAPPING_FILE)  # fmt: skip


@pytest.mark.parametrize("name", UNFINISHED)
def test_an_unfinished_file_is_pending_nowhere(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    settings = Settings(_env_file=None, input_dir=tmp_path)  # type: ignore[call-arg]
    assert waiting_names(tmp_path) == []
    assert listing(tmp_path) == []
    assert work._waiting(settings).found == f"0 in {tmp_path}"


@pytest.mark.parametrize("name", ["orders.csv", "orders", "names.toml", "orders.csv.gz"])
def test_a_whole_file_is_pending_everywhere(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    assert waiting_names(tmp_path) == [item.name for item in listing(tmp_path)] == [name]


def test_the_oldest_comes_first_and_any_name_is_text(tmp_path: Path) -> None:
    for age, name in enumerate((b"new.csv", b"caf\xe9.csv", b"old.csv")):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.touch()
        os.utime(path, ns=(0, 10 - age))
    assert waiting_names(tmp_path) == ["old.csv", "caf\ufffd.csv", "new.csv"]


def test_a_folder_that_is_missing_has_no_files(tmp_path: Path) -> None:
    assert waiting_names(tmp_path / "missing") == []
