"""The outbox reaches the stream once per commit, in order, and never before the commit."""

import asyncio

from rfm_common import bus
from rfm_common.db import Sessions
from rfm_common.events import ImportFinished, RunQueued


async def test_an_event_leaves_after_the_commit(sessions: Sessions, redis) -> None:
    async with sessions() as session, session.begin():
        bus.add_to_outbox(session, RunQueued(run_id=1, trigger="test"))
        await session.flush()
        assert await bus.relay(sessions, redis) == 0
    assert await bus.relay(sessions, redis) == 1
    assert await bus.relay(sessions, redis) == 0
    [(_, event)] = await bus.read(redis, "0-0")
    assert event == RunQueued(run_id=1, trigger="test")


async def test_a_rollback_takes_its_event_along(sessions: Sessions, redis) -> None:
    async with sessions() as session:
        bus.add_to_outbox(session, RunQueued(run_id=1))
        await session.flush()
        await session.rollback()
    assert await bus.relay(sessions, redis) == 0


async def test_reading_waits_for_the_next_event(sessions: Sessions, redis) -> None:
    after = await bus.last_id(redis)
    waiting = asyncio.create_task(bus.read(redis, after, block_ms=5000))
    await asyncio.sleep(0.05)
    stream_id = await bus.publish(redis, ImportFinished(import_id=7, file_name="orders.csv"))
    assert await waiting == [(stream_id, ImportFinished(import_id=7, file_name="orders.csv"))]


async def test_what_a_newer_version_says_is_passed_over(redis) -> None:
    place = await bus.end_of_stream(redis)
    for name in ("of.tomorrow", "of.later"):
        await redis.xadd(bus.STREAM, {"type": name, "data": "{}"})
    waiting = asyncio.create_task(bus.read(redis, place, block_ms=5000, count=1))
    await asyncio.sleep(0.05)
    stream_id = await bus.publish(redis, RunQueued(run_id=1))
    assert await waiting == [(stream_id, RunQueued(run_id=1))]


async def test_a_place_tells_whether_all_that_followed_is_still_there(redis) -> None:
    place = await bus.end_of_stream(redis)
    assert place == await bus.end_of_stream(redis) == await bus.last_id(redis)
    for run_id in range(3):
        await bus.publish(redis, RunQueued(run_id=run_id))
    assert await bus.can_resume_from(redis, place)
    assert not await bus.can_resume_from(redis, bus.NOWHERE)
    await redis.xtrim(bus.STREAM, maxlen=1, approximate=False)
    assert not await bus.can_resume_from(redis, place)
    newest = await bus.last_id(redis)
    assert await bus.can_resume_from(redis, newest)
    await redis.delete(bus.STREAM)
    assert not await bus.can_resume_from(redis, newest)
    await bus.publish(redis, RunQueued(run_id=9))
    assert not await bus.can_resume_from(redis, newest)
