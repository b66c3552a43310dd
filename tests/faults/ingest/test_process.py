"""The process itself: it waits for servers that are not there yet, and stops when told to."""

import asyncio
import signal

import pytest
from redis.asyncio import Redis

from ingest import service
from rfm_cli.processes import free_port
from rfm_common.db import Sessions
from rfm_common.settings import Settings
from tests.faults.ingest.accounts import check
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop, drop, running, settled
from tests.running import start, stop


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
    lines = (f"O{n},C{n % 900},2024-01-10,{n % 90}.00,EUR,completed\n" for n in range(200_000))
    drop(settings, "orders.csv", ORDERS_HEADER + "".join(lines))
    async with running(settings, sessions, redis):
        async with asyncio.timeout(30):
            while not await shop.ledger():
                await asyncio.sleep(0.01)
    [row] = await shop.ledger()
    assert (row.state, (await shop.tables())["orders"]) == ("reading", [])
    async with running(settings, sessions, redis):
        await settled(sessions, 1)
    await check(shop, redis, {"orders.csv": "loaded"})
    assert len((await shop.tables())["orders"]) == 200_000
