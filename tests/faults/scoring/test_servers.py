"""Redis may lose everything and stay away, PostgreSQL may restart: the scores catch up."""

import asyncio
import signal
from contextlib import suppress

import pytest
from sqlalchemy.exc import DBAPIError

from rfm_common.db import run_sql
from rfm_common.models import RunState
from tests.faults.scoring.fleet import crash, fleet, locked, stopped_at
from tests.faults.scoring.test_kill import orders, shown
from tests.integration.scoring.shop import load, runs
from tests.running import eventually
from tests.whole import reading


async def test_a_lost_trigger_is_found(settings, sessions, redis) -> None:
    """Nobody rings and Redis is emptied: the sweeper sees the difference in PostgreSQL."""
    async with fleet(settings, sessions, redis, 1) as workers:
        await load(sessions, orders(1))
        await redis.flushall()
        await workers.settle()
        await load(sessions, orders(2))
        await workers.settle()
    assert [run.data_version for run in await runs(sessions) if run.is_current] == [2]


@pytest.mark.timeout(180)
async def test_redis_dies_in_the_middle_of_a_run(settings, sessions, redis, valkey) -> None:
    async with fleet(settings, sessions, redis, 1) as workers, reading(sessions):
        async with stopped_at(workers, "exchange_rates", "ACCESS EXCLUSIVE", orders(1)):
            crash(valkey, signal.SIGKILL)
            await asyncio.sleep(20)  # longer than a worker waits for Redis to come back
        try:
            await workers.settle()  # the run in hand ends without Redis
            assert [run.fence for run in await runs(sessions)] == [1], "it was begun anew"
            await load(sessions, orders(2))
            await workers.settle()  # and so does a new one
        finally:
            valkey.start()
        await redis.flushall()
        await load(sessions, orders(3))
        await workers.settle()
        assert all(process.returncode is None for process in workers.processes.values())
    assert (await runs(sessions))[-1].data_version == 3
    assert len(await shown(sessions)) == 1


@pytest.mark.timeout(180)
async def test_postgresql_restarts_in_the_middle_of_a_run(
    settings, sessions, redis, postgres
) -> None:
    async with fleet(settings, sessions, redis, 1) as workers, reading(sessions):
        await load(sessions, orders(1))
        await workers.settle()
        holder = await held(sessions, "exchange_rates")
        await load(sessions, orders(2))
        await workers.ring()
        await workers.holder("exchange_rates")
        crash(postgres, signal.SIGQUIT)  # immediate: no checkpoint, as after a power cut
        postgres.start()
        with suppress(DBAPIError):
            await holder.close()
        await workers.settle()
    assert (await runs(sessions))[-1].state is RunState.FINISHED
    assert len(await shown(sessions)) == 1


async def held(sessions, table: str):
    """A session that holds the table until it is closed."""
    session = sessions()
    await run_sql(session, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    return session


async def test_two_workers_publish_a_burst_once(settings, sessions, redis) -> None:
    async with fleet(settings, sessions, redis, 2) as workers, reading(sessions):
        for number in range(1, 9):
            await load(sessions, orders(number))
            await workers.ring()
        await workers.settle()
    done = await runs(sessions)
    assert {run.state for run in done} == {RunState.FINISHED}
    assert {run.attempt for run in done} == {1}
    assert len(done) <= 3  # a burst is one run, and one more for what came during it
    assert len(await shown(sessions)) == 1


async def test_a_long_reader_delays_the_swap_and_nobody_else(settings, sessions, redis) -> None:
    async with fleet(settings, sessions, redis, 1) as workers, reading(sessions) as reader:
        await load(sessions, orders(1))
        await workers.settle()
        async with locked(sessions, "rfm_features", "ACCESS SHARE"):  # a long export
            await load(sessions, orders(2))
            await workers.ring()

            async def swapping() -> bool:
                last = (await runs(sessions))[-1]
                return last.progress.get("step") == "publish"

            await eventually(swapping, 30, "the run wants to publish")
            before = reader.reads
            await eventually(lambda: _more(reader, before + 5), 30, "others go on reading")
            assert (await runs(sessions))[-1].state is RunState.RUNNING
        await workers.settle()


async def _more(reader, count: int) -> bool:
    return reader.reads > count
