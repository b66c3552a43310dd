"""`python -m scoring` as its own process: it scores what is loaded, and stops when told."""

import asyncio
import signal
from decimal import Decimal
from typing import Any

from redis.asyncio import Connection

from rfm_common import bus
from rfm_common.bus import open_redis
from rfm_common.db import Sessions, run_sql
from rfm_common.models import RunState
from rfm_common.settings import Settings
from scoring.engines import open_engine
from scoring.runs import jobs
from scoring.worker import ScoringWorker
from tests.integration.scoring.shop import ShopOrder, at, load, runs
from tests.running import eventually, start, stop


async def versions(sessions: Sessions) -> tuple[int, int]:
    async with sessions() as session:
        row = (await run_sql(session, "SELECT data_version, scored_version FROM data_state")).one()
        return int(row[0]), int(row[1])


async def test_the_service_scores_what_a_file_brought(
    settings: Settings, sessions: Sessions, redis
) -> None:
    process = await start("scoring", settings)
    try:
        await load(sessions, [ShopOrder("O1", "C1", at("2026-11-01"), Decimal("10.00"))])
        await bus.relay(sessions, redis)

        async def caught_up() -> bool:
            return await versions(sessions) == (1, 1)

        await eventually(caught_up, what="the load is scored")
        [run] = await runs(sessions)
        assert (run.state, run.is_current, run.customers_processed) == (RunState.FINISHED, True, 1)
        assert await stop(process, signal.SIGTERM) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_a_worker_ends_although_its_cancellation_gets_lost(
    settings: Settings, sessions: Sessions, redis, monkeypatch
) -> None:
    """What `wait_for` makes of one that comes at the wrong moment, before Python 3.12."""
    sending, lost = asyncio.Event(), set()
    send = Connection.send_packed_command

    async def deaf(connection: Connection, *arguments: Any, **options: Any) -> None:
        await send(connection, *arguments, **options)
        task = asyncio.current_task()
        try:
            sending.set()
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            if task in lost:
                raise
            lost.add(task)

    async with open_redis(settings, "scoring") as line:
        engine = open_engine(settings, sessions)
        worker = ScoringWorker(jobs.Context(settings, sessions, line, engine, "test"))
        monkeypatch.setattr(Connection, "send_packed_command", deaf)
        task = asyncio.create_task(worker.run())
        await asyncio.sleep(0.5)
        sending.clear()
        await sending.wait()
        task.cancel()
        await asyncio.wait([task])
    assert lost, "it came at another moment"
