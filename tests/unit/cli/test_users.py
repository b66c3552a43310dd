"""Under root the servers are another user's: what this user can reach, and what else is done."""

import os
import pwd
import stat
from pathlib import Path

import pytest

from rfm_cli import users
from rfm_cli.users import Identity, credentials, reachable_program, server_home, server_user

NOBODY = Identity(pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
ME = Identity(os.geteuid(), os.getegid())

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another user")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="what a normal user meets")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "elsewhere"
    monkeypatch.setattr(users, "ELSEWHERE", folder)
    return folder


@pytest.mark.parametrize(
    ("mode", "owner", "other"),
    [(0o700, True, False), (0o755, True, True), (0o711, True, True), (0o655, False, True)],
)
def test_who_may_enter_a_folder(tmp_path: Path, mode: int, owner: bool, other: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    stranger = Identity(ME.uid + 1, ME.gid + 1)
    assert ME.may_enter(folder) is owner
    assert stranger.may_enter(folder) is other
    folder.chmod(0o700)


def test_a_group_may_enter_where_others_may_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    assert Identity(ME.uid + 1, ME.gid).may_enter(tmp_path)
    assert not Identity(ME.uid + 1, ME.gid + 1).may_enter(tmp_path)


def test_a_path_is_reached_through_all_its_folders(tmp_path: Path) -> None:
    inner = tmp_path / "private" / "open"
    inner.mkdir(parents=True)
    (tmp_path / "private").chmod(0o700)
    assert ME.may_reach(inner / "not yet there")
    assert not Identity(ME.uid + 1, ME.gid + 1).may_reach(inner / "not yet there")


@as_user
def test_a_normal_user_runs_everything_itself(tmp_path: Path) -> None:
    home = server_home(tmp_path / "state" / "postgres", None)
    assert home == (tmp_path / "state" / "postgres").resolve()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert server_user() is None
    assert credentials(None) == {}
    assert reachable_program(tmp_path, None) == tmp_path


@as_root
def test_the_home_of_a_server_stays_roots(state_dir: Path) -> None:
    home = server_home(state_dir / "of-root", NOBODY)
    assert home == state_dir / "of-root"
    assert home.stat().st_uid == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o711, "the server passes to its data"


@as_root
def test_where_no_user_can_be_made_they_run_as_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(users, "OWN_USER", "rfm-not-there")
    monkeypatch.setattr(users, "_MAKE_USER", (("false", "--system"),))
    assert server_user() == NOBODY
    assert "the user rfm-not-there could not be made" in caplog.text
    assert credentials(NOBODY) == {"user": NOBODY.uid, "group": NOBODY.gid, "extra_groups": []}


@as_root
def test_a_private_folder_gets_a_link_to_one_that_can_be_reached(
    tmp_path: Path, elsewhere: Path
) -> None:
    """As in root's home, mode 700; the link is what says where the data is."""
    state = tmp_path / "private" / ".rfm"
    (tmp_path / "private").mkdir(mode=0o700)
    home = server_home(state / "postgres", NOBODY)
    assert home.parent == elsewhere
    assert (state / "postgres").is_symlink()
    assert (state / "postgres").resolve() == home
    assert home.stat().st_uid == 0
    assert server_home(state / "postgres", NOBODY) == home, "the next start finds the same data"


@as_root
def test_removing_the_state_folder_forgets_the_data(tmp_path: Path, elsewhere: Path) -> None:
    state = tmp_path / "private" / ".rfm"
    (tmp_path / "private").mkdir(mode=0o700)
    first = server_home(state / "postgres", NOBODY)
    (state / "postgres").unlink()
    assert server_home(state / "postgres", NOBODY) != first


@as_root
def test_a_link_to_nothing_is_replaced(tmp_path: Path, elsewhere: Path) -> None:
    state = tmp_path / "private" / ".rfm"
    (tmp_path / "private").mkdir(mode=0o700)
    server_home(state / "valkey", NOBODY).rmdir()
    home = server_home(state / "valkey", NOBODY)
    assert home.is_dir()
    assert (state / "valkey").resolve() == home


@as_root
def test_a_program_below_a_private_folder_is_copied_once(tmp_path: Path, elsewhere: Path) -> None:
    program = tmp_path / "private" / "wheel" / "pginstall"
    (program / "bin").mkdir(parents=True)
    (program / "bin" / "postgres").write_text("#!/bin/sh\n")
    (program / "bin" / "postgres").chmod(0o755)
    (tmp_path / "private").chmod(0o700)
    copy = reachable_program(program, NOBODY)
    assert copy.parent == elsewhere
    assert (copy / "bin" / "postgres").stat().st_mode & stat.S_IXOTH
    assert reachable_program(program, NOBODY) == copy
    assert len(list(elsewhere.iterdir())) == 1


@as_root
def test_a_program_that_can_be_reached_is_used_where_it_is(state_dir: Path) -> None:
    program = state_dir / "program"
    program.mkdir()
    assert reachable_program(program, NOBODY) == program
