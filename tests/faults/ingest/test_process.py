"""The process itself: it waits for servers that are not there yet, and stops when told to."""

import asyncio
import signal

import pytest
from redis.asyncio import Redis

from ingest import service
from rfm_cli.processes import free_port
from rfm_common.db import AdvisoryLock, Sessions, lock, run_sql
from rfm_common.settings import Settings
from tests.faults.ingest.accounts import check
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop, drop, running, settled
from tests.running import eventually, start, stop


async def test_it_waits_for_a_database_that_is_not_there_yet(settings: Settings) -> None:
    process = await start("ingest", settings, DB_PORT=str(free_port()))
    await asyncio.sleep(4)
    assert process.returncode is None
    assert await stop(process, signal.SIGTERM) == 0


async def test_it_breaks_off_a_long_load_and_takes_it_up_again(
    shop: Shop,
    settings: Settings,
    sessions: Sessions,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "GRACE_SECONDS", 0)
    lines = (f"O{n},C{n % 900},2024-01-10,{n % 90}.00,EUR,completed\n" for n in range(60_000))
    drop(settings, "orders.csv", ORDERS_HEADER + "".join(lines))
    async with sessions() as other, other.begin():
        await lock(other, AdvisoryLock.LOAD)
        async with running(settings, sessions, redis):
            await eventually(lambda: is_waiting(sessions), what="the load waits for another")
    [row] = await shop.ledger()
    assert (row.state, len((await shop.tables())["orders"])) == ("reading", 0)
    async with running(settings, sessions, redis):
        await settled(sessions, 1)
    await check(shop, redis, {"orders.csv": "loaded"})
    assert len((await shop.tables())["orders"]) == 60_000


async def is_waiting(sessions: Sessions) -> bool:
    async with sessions() as session:
        found = await run_sql(
            session,
            "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted)",
        )
        return bool(found.scalar())
