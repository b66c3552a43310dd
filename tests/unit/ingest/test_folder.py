"""What may lie in the watched folder: it is refused with a reason, and never waited for."""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest import watcher
from ingest.folder import entry_named, opened
from ingest.options import lenient_options, read_options
from ingest.refusal import RefusedError
from ingest.watcher import Settling, wakeups
from rfm_common.plain_files import read_plain
from rfm_common.settings import Settings

ROWS = b"order_id,customer_id,order_date,order_amount\nO1,C1,2024-01-10,5\n"


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


MAKERS: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "socket": _socket,
    "folder": Path.mkdir,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link out of the folder": lambda path: path.symlink_to("/etc/hostname"),
}


def _settings(folder: Path) -> Settings:
    return Settings(_env_file=None, input_dir=folder)  # type: ignore[call-arg]


def _raw(folder: Path, name: bytes) -> Path:
    return Path(os.fsdecode(os.fsencode(folder) + b"/" + name))


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_no_file_is_not_opened(kind: str, tmp_path: Path) -> None:
    MAKERS[kind](tmp_path / "x.csv")
    descriptors = len(list(Path("/dev/fd").iterdir()))
    with (
        pytest.raises(RefusedError, match=r"symbolic link|drop a file"),
        opened(tmp_path / "x.csv"),
    ):
        raise AssertionError("it was opened")
    assert len(list(Path("/dev/fd").iterdir())) == descriptors


@pytest.mark.parametrize("kind", MAKERS)
def test_a_mapping_that_is_no_file_is_refused(kind: str, tmp_path: Path) -> None:
    MAKERS[kind](tmp_path / "mapping.toml")
    with pytest.raises(RefusedError, match="not a plain file") as refused:
        read_options(_settings(tmp_path))
    assert refused.value.reason == "bad_mapping"
    assert lenient_options(_settings(tmp_path)).rules == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"#" * (2**20 + 1), "more than 1048576 bytes"),
        (b"a = " + b"[" * 100_000, "nested too deep"),
        (b"a = " + b"{a=" * 50_000, "nested too deep"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a = " + b"9" * 10_000, "mapping.toml"),
    ],
)
def test_a_mapping_without_end_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_bytes(content)
    with pytest.raises(RefusedError, match=message):
        read_options(_settings(tmp_path))


def test_a_plain_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"12345")
    assert read_plain(tmp_path / "key", 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_plain(tmp_path / "key", 4)


@pytest.mark.parametrize("name", [b"Kunden\xfcbersicht.csv", b"\xff.csv", b"a\xed\xa0\x80.csv"])
async def test_a_name_that_is_not_utf_8_does_not_end_the_watch(name: bytes, tmp_path: Path) -> None:
    seen, stop = asyncio.Queue[None](), asyncio.Event()

    async def watch() -> None:
        async for _ in wakeups(tmp_path, 0.2, stop):
            seen.put_nowait(None)

    watching = asyncio.create_task(watch())
    await seen.get()
    for round_ in range(3):
        _raw(tmp_path, name).write_bytes(ROWS * (round_ + 1))
        (tmp_path / f"innocent-{round_}.csv").write_bytes(ROWS)
        for _ in range(3):
            await asyncio.wait_for(seen.get(), 60)
    stop.set()
    await asyncio.wait_for(watching, 60)


@pytest.mark.parametrize("kind", ["file", "dangling link", "pipe"])
async def test_a_watched_folder_that_is_none_is_waited_for(kind: str, tmp_path: Path) -> None:
    folder, stop = tmp_path / "input", asyncio.Event()
    (MAKERS | {"file": lambda path: path.touch()})[kind](folder)  # type: ignore[operator]
    watch = wakeups(folder, 0.05, stop)
    asyncio.get_running_loop().call_later(0.3, folder.unlink)
    await asyncio.wait_for(anext(watch), 60)
    while not folder.is_dir():
        await asyncio.wait_for(anext(watch), 60)
    stop.set()
    with suppress(StopAsyncIteration):
        await asyncio.wait_for(anext(watch), 60)
    assert Settling(0).look(folder) == ([], None)


@pytest.mark.parametrize("days", [3, -3, 0])
def test_a_clock_that_is_set_keeps_no_file_waiting(
    days: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that came while the clock was wrong, and has not changed since."""
    right = time.time()
    (tmp_path / "orders.csv").write_bytes(ROWS)
    wrong = right + days * 86_400
    os.utime(tmp_path / "orders.csv", (wrong, wrong))
    clock = SimpleNamespace(time=lambda: wrong, monotonic=lambda: 100.0)
    monkeypatch.setattr(watcher, "time", clock)
    settling = Settling(0.5)
    assert settling.look(tmp_path) == ([], 0.5)
    clock.time, clock.monotonic = lambda: right + 1, lambda: 101.0
    ready, again = settling.look(tmp_path)
    assert ([item.name for item in ready], again) == (["orders.csv"], None)


def test_a_file_is_found_by_its_name_in_the_ledger(tmp_path: Path) -> None:
    for name in (b"caf\xe9.csv", b"plain.csv"):
        _raw(tmp_path, name).touch()
    assert entry_named(tmp_path, "caf\ufffd.csv") == _raw(tmp_path, b"caf\xe9.csv")
    assert entry_named(tmp_path, "plain.csv") == tmp_path / "plain.csv"
    assert entry_named(tmp_path, "gone\ufffd.csv") == tmp_path / "gone\ufffd.csv"
