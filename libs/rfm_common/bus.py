"""The doorbell: one Redis stream, fed by the outbox after each commit."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions
from rfm_common.events import EVENT_TYPES, Event, decode, encode
from rfm_common.models import OutboxEvent
from rfm_common.settings import Settings

log = logging.getLogger("rfm.bus")

STREAM = "rfm:events"
KEPT = 10_000
"""Entries that the stream keeps: enough to resume a browser, small enough to be disposable."""

NOWHERE = "0-0"
"""Before every entry."""

PATIENCE = 5.0
"""Seconds of silence after which a line is taken for dead; besides what a call may wait."""
LONGEST_WAIT = 5.0
"""Seconds that `read` may be asked to wait."""

BUS_ERRORS = (RedisError, OSError)
"""What a call to the bus may raise while Redis is away."""


def connect_redis(settings: Settings, name: str, *, blocking: bool = False) -> Redis:
    """A client that outlives a restart of the server; nothing connects until it is used.

    A `blocking` client is for `read`, whose answers may be long in coming.
    """
    client: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        decode_responses=True,
        client_name=f"rfm-{name}",
        socket_timeout=PATIENCE + (LONGEST_WAIT if blocking else 0),
        socket_connect_timeout=5,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 3),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )
    return client


@asynccontextmanager
async def open_redis(
    settings: Settings, name: str, *, blocking: bool = False
) -> AsyncGenerator[Redis]:
    """A client for the life of a process."""
    client = connect_redis(settings, name, blocking=blocking)
    try:
        yield client
    finally:
        await client.aclose()


async def publish(redis: Redis, event: Event) -> str:
    """Put the event on the stream and return its id there."""
    entry = await redis.xadd(STREAM, encode(event), maxlen=KEPT, approximate=True)  # type: ignore[arg-type]
    return str(entry)


async def read(
    redis: Redis, after: str, block_ms: int | None = None, count: int = 100
) -> list[tuple[str, Event]]:
    """Events after the stream id `after`, oldest first; waits up to `block_ms` for the first.

    Entries that this version does not know are passed over, and waited after.
    """
    while True:
        async with asyncio.timeout(block_ms and block_ms / 1000 + PATIENCE):
            answer = await redis.xread({STREAM: after}, count=count, block=block_ms)
        entries = answer[0][1] if answer else []
        known = [(stream_id, event) for stream_id, fields in entries if (event := decode(fields))]
        if known or not entries:
            return known
        after = entries[-1][0]


def order(stream_id: str) -> tuple[int, int]:
    """A stream id as it compares; raises ValueError for what is none."""
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number or 0)


async def last_id(redis: Redis) -> str:
    """The id of the newest entry, `0-0` for an empty stream."""
    entries = await redis.xrevrange(STREAM, count=1)
    return str(entries[0][0]) if entries else NOWHERE


async def end_of_stream(redis: Redis) -> str:
    """A place to read on from: the newest entry, or a mark that an empty stream gets.

    Who was at an entry can tell that the stream has been lost since; who was nowhere cannot.
    """
    newest = await last_id(redis)
    return newest if newest != NOWHERE else str(await redis.xadd(STREAM, {"type": "stream.begun"}))


async def can_resume_from(redis: Redis, place: str) -> bool:
    """Whether the stream still has all that came after this place: not trimmed, not made anew."""
    oldest = await redis.xrange(STREAM, count=1)
    if not oldest:
        return False
    return order(oldest[0][0]) <= order(place) <= order(await last_id(redis))


async def forget(redis: Redis, is_personal: Callable[[Event], bool]) -> int:
    """Take entries off the stream; how many."""
    entries = await read(redis, "0-0", count=2 * KEPT)
    gone = [stream_id for stream_id, event in entries if is_personal(event)]
    return int(await redis.xdel(STREAM, *gone)) if gone else 0


def ids(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of an event's data says which file, run or version it is about: for logs."""
    return {name: data[name] for name in ("import_id", "run_id", "data_version") if data.get(name)}


def add_to_outbox(session: AsyncSession, event: Event) -> None:
    """Write the event to the outbox, in the transaction of the change that it tells of."""
    session.add(OutboxEvent(type=event.type, data=event.data()))


async def relay(sessions: Sessions, redis: Redis, limit: int = 100) -> int:
    """Publish what commits left in the outbox, in order; safe in several processes at once.

    At least once: a kill between publishing and the commit here repeats an event, and every
    consumer asks PostgreSQL what is true anyway.
    """
    async with sessions() as session, session.begin():
        waiting = await session.exec(
            select(OutboxEvent)
            .where(col(OutboxEvent.published_at).is_(None))
            .order_by(col(OutboxEvent.outbox_id))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = waiting.all()
        for row in rows:
            if kind := EVENT_TYPES.get(row.type):
                event_id = await publish(redis, kind.of(row.data))
                log.debug("%s announced", row.type, extra={"event_id": event_id, **ids(row.data)})
            row.published_at = datetime.now(UTC)
    return len(rows)
