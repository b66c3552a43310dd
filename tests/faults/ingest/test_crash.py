"""Kill a load at every step it takes: afterwards nothing is lost and nothing is loaded twice."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from sqlalchemy import event
from sqlmodel import select

from ingest.folder import listing
from ingest.importer import Importer
from ingest.keeping.undoing import Undoer
from ingest.lake.sync import Lake
from rfm_common.bus import relay
from rfm_common.corrections import ask_correction
from rfm_common.db import Sessions, run_sql
from rfm_common.decisions import LOAD_GOOD, REFUSE, REJECTS, decide
from rfm_common.models import Import, ImportState, Undo
from rfm_common.settings import Settings
from rfm_common.undo import ask_undo
from tests.faults.ingest.accounts import check
from tests.integration.ingest import lakes
from tests.integration.ingest.dropping import (
    CUSTOMERS_HEADER,
    ORDERS_HEADER,
    Shop,
    drop,
    settled,
)
from tests.running import start, stop

FILES = {
    "customers.csv": (CUSTOMERS_HEADER + "C1,a@example.com,DE,2023-01-15\n", "loaded"),
    "orders.csv": (
        ORDERS_HEADER
        + "".join(f"O{n},C{n % 3},2024-01-10,{n}.00,EUR,completed\n" for n in range(20))
        + "O1,C1,2024-01-11,5,EUR,completed\nO99,C1,2024-02-30,5,EUR,completed\n",
        "loaded_with_rejects",
    ),
    "broken.csv": (ORDERS_HEADER + 'O1,C1,2024-01-10,"5,EUR,completed\n', "quarantined"),
    "mostly-bad.csv": (ORDERS_HEADER + "O1,C1,x,5,EUR,completed\n", "quarantined"),
}  # fmt: skip
OPERATIONS = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.scandir"}


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing below may catch it."""


class Executioner:
    """Counts statements, COPYs, commits and file operations, and raises at the chosen one."""

    def __init__(self) -> None:
        self.at = 0
        self.steps: list[str] = []
        self.folder = Path("/nowhere")

    def step(self, name: str) -> None:
        if not self.at:
            return
        self.steps.append(name)
        if len(self.steps) == self.at:
            raise Killed(name)

    def audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if self.at and name in OPERATIONS and str(self.folder) in str(arguments[0]):
            self.step(f"{name} {Path(str(arguments[0])).name}")


EXECUTIONER = Executioner()
sys.addaudithook(EXECUTIONER.audit)  # hooks cannot be removed, so there is one, mostly idle


@contextmanager
def death_at(step: int, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Generator[Executioner]:
    """Die at the given step of what follows."""
    engine = shop.sessions.kw["bind"].sync_engine
    original = asyncpg.Connection.copy_to_table

    async def copy(self: asyncpg.Connection, table: str, **options: Any) -> str:
        EXECUTIONER.step(f"COPY {table}")
        return await original(self, table, **options)

    def statement(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        EXECUTIONER.step(" ".join(text.split())[:60])

    def commit(_connection: Any) -> None:
        EXECUTIONER.step("COMMIT")

    monkeypatch.setattr(asyncpg.Connection, "copy_to_table", copy)
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    EXECUTIONER.at, EXECUTIONER.steps, EXECUTIONER.folder = step, [], shop.settings.data_dir
    try:
        yield EXECUTIONER
    finally:
        EXECUTIONER.at = 0
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)
        monkeypatch.undo()


async def work_off(shop: Shop) -> None:
    """What a process does from its start until the folder is empty."""
    importer, lake = Importer(shop.settings, shop.sessions, shop.redis), Lake.of(shop.settings)
    if lake:
        lake.check()
        await lake.tidy(shop.sessions)
    await Undoer(shop.settings, shop.sessions, shop.redis).carry_out()
    await importer.tidy()
    if lake:
        await lake.keep_up(shop.sessions)
    waiting = await asyncio.to_thread(listing, shop.settings.input_dir)
    for item in [*waiting, *await importer.decided()]:
        await importer.bring_in(item)
    await relay(shop.sessions, shop.redis)


@pytest.mark.parametrize(
    ("rebuild_rows", "names", "has_lake"),
    [
        (1, ["orders.csv"], False),
        (10**9, ["orders.csv"], False),
        (1, ["broken.csv"], False),
        (10**9, ["mostly-bad.csv"], False),
        (1, ["orders.csv"], True),
        (10**9, ["orders.csv"], True),
    ],
    ids=["rebuild", "merge", "refused", "quarantined", "rebuild with a lake", "merge with a lake"],
)
@pytest.mark.timeout(300)
async def test_death_at_any_step_changes_nothing_in_the_end(
    rebuild_rows: int, names: list[str], has_lake: bool, shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    lake = f"file://{shop.settings.data_dir}/lake" if has_lake else None
    shop.settings = shop.settings.model_copy(update={"rebuild_rows": rebuild_rows, "lake": lake})
    expected: Any = None
    for step in range(1, 1000):
        await shop.clear()
        await shop.redis.flushall()
        for name in names:
            drop(shop.settings, name, FILES[name][0])
        with death_at(step, shop, monkeypatch) as executioner, suppress(Killed):
            await work_off(shop)
        if has_lake:
            await lakes.check(shop)  # a commit has its file, before anybody repairs anything
        await work_off(shop)
        await check(shop, shop.redis, {name: FILES[name][1] for name in names})
        if has_lake:
            await lakes.check(shop)
            assert len(lakes.files(shop)) == 1, f"killed at {executioner.steps[-1]}"
        tables = await shop.tables()
        expected = expected or tables
        assert tables == expected, f"killed at {executioner.steps[-1]}"
        if len(executioner.steps) < step:
            break
    assert step > 20, "the sweep saw hardly any step"


PARTLY_BAD = (
    ORDERS_HEADER
    + "".join(f"O{n},C{n},2024-01-10,5,EUR,completed\n" for n in range(4))
    + "B1,C1,2024-02-30,5,EUR,completed\n"
)


@pytest.mark.parametrize(("answer", "state"), [(LOAD_GOOD, "loaded_with_rejects"),
                                               (REFUSE, "quarantined")])  # fmt: skip
@pytest.mark.timeout(300)
async def test_death_at_any_step_of_a_decision_changes_nothing_in_the_end(
    answer: str, state: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(1, 1000):
        await shop.clear()
        await shop.redis.flushall()
        drop(shop.settings, "orders.csv", PARTLY_BAD)
        with death_at(step, shop, monkeypatch) as executioner, suppress(Killed):
            await work_off(shop)
            await _answer(shop, answer)
            await work_off(shop)
        await work_off(shop)
        await _answer(shop, answer)
        await work_off(shop)
        await check(shop, shop.redis, {"orders.csv": state})
        assert len((await shop.tables())["orders"]) == (4 if answer == LOAD_GOOD else 0)
        assert not list(shop.settings.held_dir.glob("*")), executioner.steps[-1]
        if len(executioner.steps) < step:
            break
    assert step > 40, "the sweep saw hardly any step"


async def _answer(shop: Shop, answer: str) -> None:
    """Decide about every file that waits."""
    for row in await shop.ledger():
        if row.state is ImportState.NEEDS_DECISION:
            async with shop.sessions() as session, session.begin():
                await decide(session, row.import_id or 0, {REJECTS: answer}, "local",
                             remember=True)  # fmt: skip


async def test_kills_at_random_moments_lose_nothing(
    shop: Shop, settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    seed = int(os.environ.get("CRASH_SEED", time.time_ns() % 10**6))
    print(f"CRASH_SEED={seed}")  # noqa: T201 - to repeat a failure
    chance = random.Random(seed)
    kills, dropped, number = 10, {}, 0
    for kill in range(kills + 1):
        for _ in range(4):
            name, number = f"orders-{number:03}.csv", number + 1
            lines = (f"O{n},C{n % 50},2024-01-10,{number}.00,EUR,completed\n" for n in range(3000))
            drop(settings, name, ORDERS_HEADER + "".join(lines))
            dropped[name] = "loaded"
        process = await start("ingest", settings, RFM_REBUILD_ROWS="2000", RFM_LOG_LEVEL="WARNING")
        if kill < kills:
            await _until_it_works(sessions, str(process.pid))
            await asyncio.sleep(chance.uniform(0, 0.4))
            process.kill()
            await process.wait()
    await settled(sessions, len(dropped), 60)
    await _until_told(shop)
    assert await stop(process, signal.SIGTERM) == 0
    await check(shop, redis, dropped)
    assert len((await shop.tables())["orders"]) == 3000


async def _until_it_works(sessions: Sessions, pid: str) -> None:
    """Wait until the process of this number has claimed a file."""
    async with asyncio.timeout(30):
        while True:
            async with sessions() as session:
                rows = await session.exec(select(Import).where(Import.state == ImportState.READING))
                if any(str(row.claimed_by).endswith(f":{pid}") for row in rows.all()):
                    return
            await asyncio.sleep(0.01)


async def _until_told(shop: Shop) -> None:
    async with asyncio.timeout(60):
        while True:
            async with shop.sessions() as session:
                left = await run_sql(
                    session, "SELECT count(*) FROM outbox WHERE published_at IS NULL"
                )
                if not left.scalar():
                    return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("has_lake", [False, True], ids=["tables", "with a lake"])
@pytest.mark.timeout(300)
async def test_death_at_any_step_of_an_undo_changes_nothing_in_the_end(
    has_lake: bool, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = f"file://{shop.settings.data_dir}/lake" if has_lake else None
    shop.settings = shop.settings.model_copy(update={"lake": lake})
    for step in range(1, 1000):
        await shop.clear()
        await shop.redis.flushall()
        drop(shop.settings, "a.csv", ORDERS_HEADER + "O1,C1,2024-01-10,5,EUR,completed\n")
        await work_off(shop)
        before = await shop.tables()
        text = "".join(f"O{n},C{n},2024-01-10,6,EUR,completed\n" for n in range(1, 4))
        drop(shop.settings, "b.csv", ORDERS_HEADER + text)
        await work_off(shop)
        async with shop.sessions() as session, session.begin():
            await ask_undo(session, (await shop.ledger())[-1].import_id, "local", Undo.ASKED)
        with death_at(step, shop, monkeypatch) as executioner, suppress(Killed):
            await work_off(shop)
        await work_off(shop)
        assert await shop.tables() == before, f"killed at {executioner.steps[-1]}"
        assert [row.state for row in await shop.ledger()] == ["loaded", "undone"]
        await _check_told_once(shop)
        if has_lake:
            await lakes.check(shop)
        if len(executioner.steps) < step:
            break
    assert step > 30, "the sweep saw hardly any step"


@pytest.mark.timeout(300)
async def test_death_at_any_step_of_reading_again_changes_nothing_in_the_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(1, 1000):
        await shop.clear()
        await shop.redis.flushall()
        drop(shop.settings, "orders.csv", PARTLY_BAD)
        await work_off(shop)
        await _answer(shop, LOAD_GOOD)
        await work_off(shop)
        async with shop.sessions() as session, session.begin():
            await ask_undo(session, (await shop.ledger())[0].import_id, "local", Undo.READ_AGAIN)
        with death_at(step, shop, monkeypatch) as executioner, suppress(Killed):
            await work_off(shop)
        await work_off(shop)
        [row] = await shop.ledger()
        assert row.state is ImportState.NEEDS_DECISION, executioner.steps[-1]
        assert (await shop.tables())["orders"] == []
        assert [path.name for path in shop.settings.held_dir.iterdir()] == [
            Path(str(row.stored_path)).name
        ]
        assert not list(shop.settings.archive_dir.iterdir()), executioner.steps[-1]
        await _answer(shop, LOAD_GOOD)
        await work_off(shop)
        assert [row.state for row in await shop.ledger()] == ["loaded_with_rejects"]
        assert len((await shop.tables())["orders"]) == 4
        if len(executioner.steps) < step:
            break
    assert step > 40, "the sweep saw hardly any step"


@pytest.mark.timeout(300)
async def test_death_at_any_step_of_a_changed_status_changes_it_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.settings = shop.settings.model_copy(
        update={"lake": f"file://{shop.settings.data_dir}/lake"}
    )
    for step in range(1, 1000):
        await shop.clear()
        await shop.redis.flushall()
        for name, amount in (("a.csv", 5), ("b.csv", 6)):
            drop(
                shop.settings, name, ORDERS_HEADER + f"O{amount},C1,2024-01-10,{amount},EUR,paid\n"
            )
            await work_off(shop)
        async with shop.sessions() as session, session.begin():
            first = (await shop.ledger())[0].import_id
            answers = {"status.paid": "cancelled"}
            await ask_correction(session, first, answers, "local", remember=True)
        with death_at(step, shop, monkeypatch) as executioner, suppress(Killed):
            await work_off(shop)
        await work_off(shop)
        assert await shop.statuses() == {
            "O5": ("cancelled", "paid"), "O6": ("completed", "paid"),
        }, f"killed at {executioner.steps[-1]}"  # fmt: skip
        assert [row.correction for row in await shop.ledger()] == [{}, {}]
        await _check_told_once(shop)
        await lakes.check(shop)
        if len(executioner.steps) < step:
            break
    assert step > 20, "the sweep saw hardly any step"


async def _check_told_once(shop: Shop) -> None:
    """One change of the data, one event of it, and no stage that is left."""
    async with shop.sessions() as session:
        for statement, expected in (
            ("SELECT data_version FROM data_state", 3),
            ("SELECT count(*) FROM outbox WHERE type = 'data.changed'", 1),
            ("SELECT count(*) FROM outbox WHERE published_at IS NULL", 0),
            ("SELECT count(*) FROM pg_class WHERE relname LIKE 'stage%'", 0),
        ):
            assert (await run_sql(session, statement)).scalar() == expected
