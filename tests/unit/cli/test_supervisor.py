"""Keeping a process running: each start a little later than the one before, all of it said."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import pytest

from rfm_cli import supervisor
from rfm_cli.children import ServiceChild
from rfm_cli.processes import ServerError
from rfm_cli.supervisor import keep_running, next_delay


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.01)


def service(program: str, *arguments: str | Path) -> ServiceChild:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return ServiceChild("ingest", command, dict(os.environ), lambda _name, _line: None)


async def until(path: Path, lines: int) -> None:
    async with asyncio.timeout(30):
        while not path.exists() or len(path.read_text().splitlines()) < lines:
            await asyncio.sleep(0.01)


def test_delays_double_up_to_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.5)
    delay = None
    for expected in (0.5, 1, 2, 4, 8, 16, 30, 30):
        delay = next_delay(delay, uptime=0.1)
        assert delay == expected


def test_a_minute_up_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.5)
    assert next_delay(30, uptime=59.9) == 30
    assert next_delay(30, uptime=60) == 0.5


async def test_a_process_that_dies_comes_back_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    diary = tmp_path / "starts"
    child = service(
        "import os, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); sys.exit(3)", diary
    )
    await child.start()
    with caplog.at_level(logging.INFO):
        keeping = asyncio.create_task(keep_running(child))
        await until(diary, lines=4)
        keeping.cancel()
    await child.stop(5)
    assert len(set(diary.read_text().split())) >= 4, "each start is another process"
    assert "ingest ended (exit code 3), starting it again in 0.01 s" in caplog.messages
    assert "ingest ended (exit code 3), starting it again in 0.02 s" in caplog.messages
    assert "ingest started again" in caplog.messages


async def test_a_signal_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    diary = tmp_path / "starts"
    child = service(
        "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(60)",
        diary,
    )
    await child.start()
    keeping = asyncio.create_task(keep_running(child))
    await until(diary, lines=1)
    os.kill(int(diary.read_text()), signal.SIGKILL)
    await until(diary, lines=2)
    keeping.cancel()
    await child.stop(5)
    assert "ingest ended (SIGKILL), starting it again in 0.01 s" in caplog.messages


class Stubborn:
    """A server that fails to start twice, as PostgreSQL does while old backends still end."""

    name = "postgres"

    def __init__(self) -> None:
        self.starts = 0
        self.up = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        if self.starts < 3:
            raise ServerError("shared memory is still in use")
        self.up.set()

    async def wait(self) -> int:
        if self.up.is_set():
            await asyncio.Event().wait()
        return 1

    async def stop(self, seconds: float) -> None: ...

    def kill(self) -> None: ...


async def test_a_start_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    child = Stubborn()
    keeping = asyncio.create_task(keep_running(child))
    await asyncio.wait_for(child.up.wait(), 30)
    keeping.cancel()
    assert caplog.messages.count("shared memory is still in use") == 2
