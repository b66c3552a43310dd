"""A file of personal data is its writer's alone, whatever lies in the folder."""

import os
import stat
from pathlib import Path

import pytest

from rfm_common.appearing import appearing


def test_it_appears_when_it_is_complete_and_is_private(tmp_path: Path) -> None:
    target = tmp_path / "all.csv"
    with appearing(target, replace=False) as sink:
        sink.write(b"half")
        assert not target.exists()
    assert target.read_bytes() == b"half"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["all.csv", "all.csv.part", ".all.csv.part"])
@pytest.mark.parametrize("kind", ["link", "open file", "pipe"])
def test_what_somebody_put_there_gets_nothing(tmp_path: Path, name: str, kind: str) -> None:
    """The name itself, or one that an unfinished file could be expected to have."""
    trap, precious, target = tmp_path / name, tmp_path / "precious", tmp_path / "all.csv"
    precious.write_text("mine")
    if kind == "link":
        trap.symlink_to(precious)
    elif kind == "pipe":
        os.mkfifo(trap)
    else:
        trap.touch()
        trap.chmod(0o666)
    with appearing(target, replace=True) as sink:
        sink.write(b"secret")
    assert precious.read_text() == "mine"
    assert (stat.S_IMODE(target.lstat().st_mode), target.lstat().st_uid) == (0o600, os.geteuid())
    assert target.read_bytes() == b"secret"


def into(target: Path, meanwhile: Path) -> None:
    """Write a file; somebody else writes another one meanwhile."""
    with appearing(target, replace=False) as sink:
        sink.write(b"ours")
        meanwhile.unlink(missing_ok=True)
        meanwhile.write_bytes(b"theirs")


def test_a_name_that_is_taken_meanwhile_stays_the_others(tmp_path: Path) -> None:
    target = tmp_path / "all.csv"
    with pytest.raises(FileExistsError):
        into(target, target)
    assert target.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_was_exchanged_is_not_called_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guessed = tmp_path / "guessed.part"

    def made(**_options: object) -> tuple[int, str]:
        return os.open(guessed, os.O_CREAT | os.O_WRONLY), str(guessed)

    monkeypatch.setattr("tempfile.mkstemp", made)
    with pytest.raises(OSError, match="somebody else exchanged the file"):
        into(tmp_path / "all.csv", guessed)


def fail_half_way(target: Path) -> None:
    with appearing(target, replace=False) as sink:
        sink.write(b"half")
        raise ZeroDivisionError


def test_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_half_way(tmp_path / "all.csv")
    assert list(tmp_path.iterdir()) == []
