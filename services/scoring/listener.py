"""Turn events into runs: wait for a burst to end, then ring. Also the sweeper.

Every event, and every two seconds without one, leads to the same question to PostgreSQL:
is there a run to do? A lost event therefore costs two seconds and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.events import (
    DataChanged,
    Event,
    ImportFinished,
    ImportHeld,
    ImportRejected,
    ImportStarted,
    RunQueued,
)
from rfm_common.settings import Settings

SWEEP_MS = 2_000
QUIET_MS = 200
"""A burst of files is over when none began or ended for so long."""
LONGEST_BURST = 2.0
"""Seconds after which a burst is scored although it goes on."""

log = logging.getLogger("rfm.scoring")
Ring = Callable[[], Awaitable[None]]


async def listen(settings: Settings, ring: Ring) -> None:
    """Ring at the start, after each burst of events, and every two seconds; never returns."""
    async with bus.open_redis(settings, "scoring-listener", blocking=True) as redis:
        after = await _end_of_stream(redis)
        while True:
            await _safely(ring)
            after = await _next_burst(redis, after)


async def _end_of_stream(redis: Redis) -> str:
    with suppress(*bus.BUS_ERRORS):
        return await bus.last_id(redis)
    return "0-0"


async def _safely(ring: Ring) -> None:
    """PostgreSQL may be away: say so and come back."""
    try:
        await ring()
    except Exception as error:
        log.warning("cannot look for runs: %s", error)


async def _next_burst(redis: Redis, after: str) -> str:
    """Read until a burst is over or nothing came; Redis may be away: then just wait."""
    try:
        return await _read_burst(redis, after)
    except bus.BUS_ERRORS as error:
        log.warning("no events: %s", error)
        await asyncio.sleep(SWEEP_MS / 1000)
        return after


async def _read_burst(redis: Redis, after: str) -> str:
    wait, end = SWEEP_MS, monotonic() + SWEEP_MS / 1000
    bursting = False
    while wait > 0:
        entries = await bus.read(redis, after, block_ms=wait)
        if not entries:
            return after
        after = entries[-1][0]
        for event_id, event in entries:
            log.debug("heard %s", event.type, extra={"event_id": event_id, **bus.ids(event.data())})
        events = [event for _, event in entries]
        if any(isinstance(event, RunQueued) for event in events):
            return after
        if any(map(_is_of_data, events)) and not bursting:
            bursting, end = True, monotonic() + LONGEST_BURST
        left = int((end - monotonic()) * 1000)
        wait = min(QUIET_MS, left) if bursting else left
    return after


def _is_of_data(event: Event) -> bool:
    """Whether data came, or a file for which loaded data may have waited has come to its end."""
    return isinstance(event, _OF_DATA)


_OF_DATA = (ImportStarted, ImportFinished, ImportRejected, ImportHeld, DataChanged)
