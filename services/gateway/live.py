"""Live events for browsers: one reader of the Redis stream, fanned out to many SSE clients.

Each event is encoded once. A client that falls behind is not waited for: it gets `resync` in
place of what it missed, which tells it to load everything anew. So does one that asks to resume
from an event that the stream no longer holds.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Mapping

from litestar import Litestar
from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.bus import BUS_ERRORS, KEPT, STREAM, open_redis
from rfm_common.events import Event
from rfm_common.settings import Settings
from rfm_common.tasks import alongside

log = logging.getLogger("rfm.gateway.live")

PING_SECONDS = 15
BLOCK_MS = 5000
RETRY_SECONDS = 0.5
BACKLOG = 256
"""Events that wait for one slow client."""

PING = b": ping\n\n"
RESYNC = "resync"

Message = tuple[str, bytes]
"""The stream id and the bytes for the wire."""


def frame(name: str, data: object, stream_id: str = "") -> bytes:
    """One server-sent event; dashes in its name, because htmx reads dots as CSS classes."""
    head = f"id: {stream_id}\n" if stream_id else ""
    body = json.dumps(data, separators=(",", ":"))
    return f"{head}event: {name.replace('.', '-')}\ndata: {body}\n\n".encode()


def order(stream_id: str) -> tuple[int, int]:
    """A stream id as it compares; raises ValueError for what is none."""
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number or 0)


class Client:
    """One open stream: what waits to be sent on it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue(BACKLOG)

    def offer(self, message: Message | None) -> None:
        """Add without waiting; when it is full, everything waiting becomes one `resync`."""
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            stream_id = message[0] if message else ""
            self.queue.put_nowait((stream_id, frame(RESYNC, {}, stream_id)))
        self.queue.put_nowait(message)


class Live:
    """The fan-out of one process."""

    def __init__(self, bells: Mapping[str, asyncio.Event] | None = None) -> None:
        self.bells = bells or {}
        """Set when an event of that name comes."""
        self.clients: set[Client] = set()
        self.position = "0-0"
        self.is_closing = False

    async def follow(self, redis: Redis) -> None:
        """Read the stream for ever; Redis may go away, come back, and come back empty."""
        while True:
            try:
                await self._follow(redis)
            except (*BUS_ERRORS, TimeoutError) as error:
                log.debug("bus away: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, redis: Redis) -> None:
        newest = await bus.last_id(redis)
        if order(newest) < order(self.position):
            self.broadcast(RESYNC, {}, newest)  # Redis lost the stream, and with it our place
        if self.position == "0-0" or order(newest) < order(self.position):
            self.position = newest
        while True:
            # A socket that died silently would block for ever.
            async with asyncio.timeout(BLOCK_MS / 1000 + 10):
                events = await bus.read(redis, self.position, block_ms=BLOCK_MS)
            for stream_id, event in events:
                self.position = stream_id
                self.broadcast(event.type, event.data(), stream_id)
            if not events and order(await bus.last_id(redis)) < order(self.position):
                return

    def broadcast(self, name: str, data: object, stream_id: str) -> None:
        """Offer an event to every client."""
        if bell := self.bells.get(name):
            bell.set()
        message = (stream_id, frame(name, data, stream_id))
        for client in self.clients:
            client.offer(message)
        if isinstance(data, dict) and not name.endswith(".progress"):
            told = {"event_id": stream_id, **bus.ids(data), "pages": len(self.clients)}
            log.info("%s passed on", name, extra=told)

    def close(self) -> None:
        """End every stream now, so that the server can stop."""
        self.is_closing = True
        for client in self.clients:
            client.offer(None)

    async def stream(self, redis: Redis, since: str | None) -> AsyncGenerator[bytes]:
        """What one client receives: hello, what it missed since its last event, then all new."""
        client = Client()
        self.clients.add(client)
        try:
            sent = self.position
            yield (
                frame("hello", {"position": sent})
                if since
                else frame("hello", {"position": sent}, sent)
            )
            for stream_id, content in await missed(redis, since):
                sent = stream_id
                yield content
            async for content in self._new(client, sent):
                yield content
        finally:
            self.clients.discard(client)

    async def _new(self, client: Client, sent: str) -> AsyncGenerator[bytes]:
        while not self.is_closing:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    message = await client.queue.get()
            except TimeoutError:
                yield PING
                continue
            if message is None:
                return
            stream_id, content = message
            if b"event: resync" in content or order(stream_id) > order(sent):
                yield content


async def missed(redis: Redis, since: str | None) -> list[Message]:
    """The events after `since`; one `resync` when the stream cannot tell any more."""
    if not since:
        return []
    try:
        events = await _after(redis, since)
    except (*BUS_ERRORS, ValueError):
        events = None
    if events is None:
        return [("0-0", frame(RESYNC, {}))]
    return [(stream_id, frame(event.type, event.data(), stream_id)) for stream_id, event in events]


async def _after(redis: Redis, since: str) -> list[tuple[str, Event]] | None:
    """None when events after `since` may be gone: trimmed, or lost with the whole stream."""
    asked = order(since)
    oldest = await redis.xrange(STREAM, count=1)
    if asked > order(await bus.last_id(redis)):
        return None
    if oldest and asked < order(oldest[0][0]) and asked != (0, 0):
        return None
    return await bus.read(redis, since, count=KEPT * 2)


@contextlib.asynccontextmanager
async def following(app: Litestar) -> AsyncGenerator[None]:
    """Follow the stream for as long as the application runs."""
    settings: Settings = app.state.settings
    live: Live = app.state.live
    async with (
        open_redis(settings, "gateway-live", blocking=True) as redis,
        alongside(live.follow(redis)),
    ):
        try:
            yield
        finally:
            live.close()
