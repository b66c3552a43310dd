"""Stop a restore at every step: then everything is as it was before it, or as it is after it."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from rfm_cli import restore as restoring
from rfm_cli.backup import back_up
from rfm_cli.database import reach
from rfm_cli.psql import ask
from rfm_cli.recovery import UnfinishedRestoreError, recover
from rfm_cli.restore import restore
from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from tests.integration.cli.saved_shop import FILES, dispose, files, fill, put, tables
from tests.running import environment

STEPS = {"subprocess.Popen", "socket.connect", "os.link", "os.remove", "os.rename", "shutil.rmtree"}
NEWER = {"input/waiting.csv": "newer\n", "archive/9-later.csv": "later\n", "erasure.key": "key"}


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing that follows has any effect."""


class Executioner:
    """Counts what a restore does to servers and files; from the chosen step on nothing works."""

    def __init__(self) -> None:
        self.at = 0
        self.steps: list[str] = []
        self.kinds = STEPS
        self.has_come = False

    def audit(self, name: str, _arguments: tuple[Any, ...]) -> None:
        if not self.at or name not in STEPS:
            return
        if name in self.kinds:
            self.steps.append(name)
        self.has_come |= len(self.steps) == self.at
        if self.has_come:
            raise Killed(name)

    @contextmanager
    def chosen(self, step: int, *kinds: str) -> Generator[None]:
        """Come at the step of that number, counting these kinds of steps only."""
        self.at, self.steps, self.kinds, self.has_come = step, [], set(kinds) or STEPS, False
        try:
            yield
        finally:
            self.at = 0


EXECUTIONER = Executioner()
sys.addaudithook(EXECUTIONER.audit)  # hooks cannot be removed, so there is one, mostly idle


@pytest.fixture
async def saved(settings: Settings, sessions: Sessions, tmp_path: Path) -> Path:
    """A backup of a shop that has lost a table and got other files since."""
    await fill(settings, sessions)
    back_up(settings, tmp_path / "shop.tar.gz")
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM segment_stats")
        await run_sql(session, "INSERT INTO customers (customer_id) VALUES ('after the backup')")
    await dispose(sessions)
    put(settings, NEWER)
    return tmp_path / "shop.tar.gz"


def state(settings: Settings) -> tuple[dict[str, str], dict[str, str], str]:
    """Tables, files, schemas."""
    schemas = ask(settings, "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1")
    return tables(settings), files(settings), schemas


def without_aside(names: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in names.items() if not name.startswith("replaced-")}


async def test_killed_at_every_step(settings: Settings, saved: Path) -> None:
    undone: list[bool] = []
    while True:
        put(settings, NEWER)
        before = state(settings)
        with EXECUTIONER.chosen(len(undone) + 1), suppress(Killed):
            await restore(settings, saved, replace=True)
            break
        recover(settings)
        undone.append(state(settings) == before)
        if not undone[-1]:
            assert without_aside(files(settings)) == FILES, EXECUTIONER.steps
    assert EXECUTIONER.steps.count("os.link") == len(FILES | NEWER) + len(FILES), (
        "files move one by one"
    )
    assert undone == sorted(undone, reverse=True), "at one moment it is done"
    assert undone.count(False) >= 2, "which is not the end of the process"


async def test_a_real_kill_while_the_dump_is_loaded(settings: Settings, saved: Path) -> None:
    before = state(settings)
    script = Path(__file__).with_name("restoring.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, saved, env=environment(settings), cwd="/", stdout=PIPE
    )
    assert process.stdout
    assert await process.stdout.readline() == b"half of the dump is loaded\n"
    process.kill()
    await process.wait()
    with reach(settings):  # as every command that works on the database, and `rfm up`, do
        assert state(settings) == before


async def test_while_one_runs_nobody_undoes_it(settings: Settings, saved: Path) -> None:
    refused = []

    async def meanwhile(_settings: Settings) -> None:
        with pytest.raises(UnfinishedRestoreError, match="a restore is running"):
            recover(settings)
        refused.append(True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoring, "upgrade", meanwhile)
        await restore(settings, saved, replace=True)
    assert refused == [True]


async def test_what_comes_between_a_kill_and_the_next_start_is_kept(
    settings: Settings, saved: Path
) -> None:
    """People drop files while nothing runs, under names that were there before."""
    with EXECUTIONER.chosen(3, "os.link"), pytest.raises(Killed):
        await restore(settings, saved, replace=True)
    put(settings, {"input/waiting.csv": "newest\n", "input/other.csv": "other\n"})
    recover(settings)
    assert files(settings) == FILES | NEWER | {
        "input/waiting.csv": "newest\n", "input/waiting-again.csv": "newer\n",
        "input/other.csv": "other\n",
    }  # fmt: skip


async def test_a_lost_stage_is_not_guessed(settings: Settings, saved: Path) -> None:
    with EXECUTIONER.chosen(2, "os.link"), pytest.raises(Killed):
        await restore(settings, saved, replace=True)
    [stage] = settings.data_dir.glob(".rfm-restore-*")
    stage.rename(settings.data_dir / "lost")
    with pytest.raises(UnfinishedRestoreError, match=r"start RFM where that folder is"):
        recover(settings)
    (settings.data_dir / "lost").rename(stage)
    recover(settings)
    assert without_aside(files(settings)) == FILES | NEWER
