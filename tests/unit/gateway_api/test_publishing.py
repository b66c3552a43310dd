"""Uploaded files get their names: none replaces another, and a batch is published whole or not."""

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from gateway.imports.batch import Batch, Part
from gateway.kit import folder as naming
from gateway.kit.folder import DiskFullError, on_disk, publish, safe_name
from rfm_common import taking
from rfm_common.errors import UnavailableError

WAYS = ("rename", "link")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to give a name: the second is for systems without the first."""
    if request.param == "link":
        monkeypatch.setattr(taking, "_renamed", lambda *_: False)
    return str(request.param)


def _upload(folder: Path, content: str) -> Path:
    path = folder / f".upload-{content}.part"
    path.write_text(content)
    return path


async def claim(_: str) -> bool:
    """Nobody else works on any name."""
    return True


@pytest.mark.usefixtures("way")
async def test_names_count_up(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("first")
    (tmp_path / "a-2.csv").symlink_to("nowhere")
    (tmp_path / "a-3.csv").mkdir()
    assert (await publish(_upload(tmp_path, "new"), tmp_path, "a.csv", claim)).name == "a-4.csv"
    assert (await publish(_upload(tmp_path, "other"), tmp_path, "b.csv", claim)).name == "b.csv"
    assert (tmp_path / "a.csv").read_text() == "first"
    assert (tmp_path / "a-2.csv").is_symlink()
    assert not list(tmp_path.glob(".upload*"))


@pytest.mark.usefixtures("way")
def test_no_file_is_lost_however_many_want_one_name(tmp_path: Path) -> None:
    contents = [f"{client}-{number}" for client in range(4) for number in range(25)]
    uploads = {content: _upload(tmp_path, content) for content in contents}
    start = threading.Barrier(4)

    def work(client: int) -> None:
        start.wait()
        for number in range(25):
            asyncio.run(publish(uploads[f"{client}-{number}"], tmp_path, "orders.csv", claim))

    threads = [threading.Thread(target=work, args=(client,)) for client in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == sorted(contents)
    assert all(path.stat().st_nlink == 1 for path in tmp_path.iterdir())


async def test_a_name_that_somebody_works_on_counts_as_taken(tmp_path: Path) -> None:
    async def all_but_the_first(name: str) -> bool:
        return name != "a.csv"

    given = await publish(_upload(tmp_path, "new"), tmp_path, "a.csv", all_but_the_first)
    assert given.name == "a-2.csv"


def _batch(folder: Path, *names: str) -> Batch:
    batch = Batch(folder)
    for number, name in enumerate(names):
        path = _upload(folder, str(number))
        batch.parts.append(Part(name, path, path.open("ab")))
    return batch


async def test_a_batch_is_published_whole_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = _batch(tmp_path, "a.csv", "b.csv", "c.csv")
    real = naming.take_name

    def fails_at_the_third(path: Path, target: Path) -> bool:
        if target.name == "c.csv":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        return real(path, target)

    monkeypatch.setattr(naming, "take_name", fails_at_the_third)
    with pytest.raises(DiskFullError):
        await batch.publish(claim)
    batch.discard()
    assert list(tmp_path.iterdir()) == []


async def test_a_database_that_goes_away_leaves_no_half_batch(tmp_path: Path) -> None:
    async def goes_away(name: str) -> bool:
        if name == "b.csv":
            raise ConnectionResetError
        return True

    batch = _batch(tmp_path, "a.csv", "b.csv")
    with pytest.raises(ConnectionResetError):
        await batch.publish(goes_away)
    batch.discard()
    assert list(tmp_path.iterdir()) == []


async def test_what_is_loaded_meanwhile_is_not_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = _batch(tmp_path, "a.csv", "b.csv")

    async def quick_ingest(path: Path, folder: Path, name: str, _: object) -> Path:
        if name == "b.csv":
            (folder / "a.csv").rename(folder / "archived")
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return await publish(path, folder, name, claim)

    monkeypatch.setattr("gateway.imports.batch.publish", quick_ingest)
    with pytest.raises(OSError, match="Input/output error"):
        await batch.publish(claim)
    batch.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["archived"]


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, DiskFullError, "no room"),
        (errno.EDQUOT, DiskFullError, "no room"),
        (errno.EROFS, UnavailableError, "Read-only file system"),
        (errno.EACCES, UnavailableError, "Permission denied"),
        (errno.EIO, UnavailableError, "Input/output error"),
    ],
)
def test_errors_of_the_disk_are_called_what_they_are(
    number: int, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words), on_disk():
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("letter", ["x", "é", "漢", "e\u0301"])
def test_a_long_name_is_cut_by_its_bytes(letter: str) -> None:
    name = safe_name(letter * 300 + ".csv") or ""
    assert name.endswith(".csv")
    assert 100 < len(name.encode()) <= naming.LONGEST
