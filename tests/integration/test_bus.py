"""The outbox reaches the stream once per commit, in order, and never before the commit."""

import asyncio

from rfm_common import bus
from rfm_common.db import Sessions
from rfm_common.events import ImportFinished, RunQueued


async def test_an_event_leaves_after_the_commit(sessions: Sessions, redis) -> None:
    async with sessions() as session, session.begin():
        bus.remember(session, RunQueued(run_id=1, trigger="test"))
        await session.flush()
        assert await bus.relay(sessions, redis) == 0
    assert await bus.relay(sessions, redis) == 1
    assert await bus.relay(sessions, redis) == 0
    [(_, event)] = await bus.read(redis, "0-0")
    assert event == RunQueued(run_id=1, trigger="test")


async def test_a_rollback_takes_its_event_along(sessions: Sessions, redis) -> None:
    async with sessions() as session:
        bus.remember(session, RunQueued(run_id=1))
        await session.flush()
        await session.rollback()
    assert await bus.relay(sessions, redis) == 0


async def test_reading_waits_for_the_next_event(sessions: Sessions, redis) -> None:
    after = await bus.last_id(redis)
    waiting = asyncio.create_task(bus.read(redis, after, block_ms=5000))
    await asyncio.sleep(0.05)
    stream_id = await bus.publish(redis, ImportFinished(import_id=7, file_name="orders.csv"))
    assert await waiting == [(stream_id, ImportFinished(import_id=7, file_name="orders.csv"))]
