"""Names are followed only in folders of the user who runs this."""

import os
import socket
import stat
from pathlib import Path

import pytest

from rfm_cli.folders import StateFolderError, give_tree, own_folder, remove_foreign

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def test_a_folder_is_made_or_closed_to_others(tmp_path: Path) -> None:
    own_folder(tmp_path / "new" / "er")
    assert (tmp_path / "new" / "er").is_dir()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    own_folder(tmp_path / "open")
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o755
    own_folder(tmp_path / "open", 0o711)
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o711


def test_a_link_of_ones_own_may_lead_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "disk")
    own_folder(tmp_path / "state")


@as_root
def test_a_folder_or_a_link_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    os.chown(tmp_path / "link", 12345, 12345, follow_symlinks=False)
    for name in ("theirs", "link"):
        with pytest.raises(StateFolderError, match="belongs to user 12345"):
            own_folder(tmp_path / name)
    own_folder(tmp_path / "theirs", former={12345})
    assert (tmp_path / "theirs").stat().st_uid == 0


def test_links_and_pipes_are_removed_and_files_stay(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1")
    (tmp_path / "data").mkdir()
    (tmp_path / "ours").mkdir()
    (tmp_path / "log").symlink_to("/etc/passwd")
    (tmp_path / "kept").symlink_to("/etc")
    os.mkfifo(tmp_path / "password")
    remove_foreign(tmp_path, ("data", "kept"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "ours", "port"]


@as_root
def test_files_and_folders_of_others_are_removed_unless_kept(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "log").touch()
    for path in tmp_path.iterdir():
        os.chown(path, 12345, 12345)
    remove_foreign(tmp_path, ("data",))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@as_root
def test_only_what_a_former_owner_had_is_given_away(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "inner").mkdir(parents=True)
    for name in ("a", "inner/b", "root's"):
        (top / name).touch()
    (tmp_path / "outside").touch()
    (top / "link").symlink_to(tmp_path / "outside")
    (top / "hard").hardlink_to(tmp_path / "outside")
    os.mkfifo(top / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(top / "socket"))
    for name in ("", "a", "inner", "inner/b", "pipe"):
        os.chown(top / name, 111, 111)
    give_tree(top, 222, 222, {111})
    owners = {path.name: path.lstat().st_uid for path in (top, *top.rglob("*"))}
    assert owners == {
        "top": 222, "a": 222, "inner": 222, "b": 222, "pipe": 222,
        "root's": 0, "link": 0, "hard": 0, "socket": 0,
    }  # fmt: skip
    assert (tmp_path / "outside").stat().st_uid == 0
