"""1,500 tiny files dropped at once: all are loaded, few runs score them, and memory stays flat."""

import pytest
from redis.asyncio import Redis

from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from tests.integration.ingest.dropping import ORDERS_HEADER, drop
from tests.prove.measures import own_memory
from tests.running import eventually, start, stop

FILES = 1_500
WARM = 300
"""So many are loaded when memory is looked at for the first time."""
LONG = 1_800
"""Seconds that any of it may take on a crowded machine; on a quiet one it is two minutes."""
ROOM = 32
"""MiB that ingest may need more for the last of them."""


async def scalar(sessions: Sessions, query: str) -> int:
    async with sessions() as session:
        return int((await run_sql(session, query)).scalar_one())


async def loaded(sessions: Sessions, count: int) -> bool:
    query = "SELECT count(*) FROM imports WHERE state = 'loaded' AND stored_path LIKE 'archive/%'"
    return await scalar(sessions, query) >= count


async def scored(sessions: Sessions) -> bool:
    behind = await scalar(sessions, "SELECT data_version - scored_version FROM data_state")
    return behind == 0


@pytest.mark.timeout(3 * LONG)
async def test_all_are_loaded_in_few_runs_and_memory_stays_flat(
    settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    for number in range(FILES):
        row = f"O{number},C{number % 97},2024-01-{1 + number % 28:02},{number % 90}.50,EUR,paid\n"
        drop(settings, f"orders-{number:04}.csv", ORDERS_HEADER + row)
    services = [await start(name, settings) for name in ("ingest", "scoring")]
    try:
        await eventually(lambda: loaded(sessions, WARM), LONG, "the first files are loaded")
        before = own_memory(services[0].pid)
        await eventually(lambda: loaded(sessions, FILES), LONG, "all files are loaded")
        after = own_memory(services[0].pid)
        await eventually(lambda: scored(sessions), LONG, "what was loaded is scored")
    finally:
        for service in services:
            await stop(service)
    assert after < before + ROOM
    assert await scalar(sessions, "SELECT count(*) FROM orders") == FILES
    assert await scalar(sessions, "SELECT count(*) FROM imports") == FILES
    runs = await scalar(sessions, "SELECT count(*) FROM scoring_runs")
    assert 0 < runs <= FILES // 10
    assert [path for path in settings.input_dir.iterdir() if not path.name.startswith(".")] == []
