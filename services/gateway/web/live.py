"""Live events for browsers: one reader of the Redis stream, fanned out to many SSE clients.

Each event is encoded once. A client that falls behind is not waited for: it gets `resync` in
place of what it missed, which tells it to load everything anew. So does one that asks to resume
from an event that the stream no longer holds, and so do all when Redis may have lost some.
"""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Mapping

from litestar import Litestar
from litestar.exceptions import TooManyRequestsException
from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.bus import BUS_ERRORS, NOWHERE, open_redis, order
from rfm_common.settings import Settings
from rfm_common.tasks import alongside

log = logging.getLogger("rfm.gateway.live")

PING_SECONDS = 15
BLOCK_MS = 5000
RETRY_SECONDS = 0.5
END_SECONDS = 0.05
"""After which the follower is cancelled once more: it only reads, and has nothing to finish."""
BACKLOG = 256
"""Events that wait for one slow client."""

MOST_MISSED = 1000
"""Events that are sent to one who comes back; who missed more loads anew, which is less work."""
MOST_STREAMS = 4000
"""Open streams in all."""

PING = b": ping\n\n"
RESYNC = "resync"

LATER = {"Retry-After": "5"}

Message = tuple[str, bytes]
"""The stream id and the bytes for the wire."""


def frame(name: str, data: object, stream_id: str = "") -> bytes:
    """One server-sent event; dashes in its name, because htmx reads dots as CSS classes."""
    head = f"id: {stream_id}\n" if stream_id else ""
    body = json.dumps(data, separators=(",", ":"))
    return f"{head}event: {name.replace('.', '-')}\ndata: {body}\n\n".encode()


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

    def __init__(
        self, bells: Mapping[str, asyncio.Event] | None = None, most_each: int = 0
    ) -> None:
        self.bells = bells or {}
        """Set when an event of that name comes."""
        self.most_each = most_each
        """Streams that one caller may have open; 0: any number."""
        self.clients: set[Client] = set()
        self.callers: Counter[str] = Counter()
        """How many streams each caller has open."""
        self.position = NOWHERE
        self.server = ""
        """The Redis process that the position is of."""
        self.is_closing = False

    async def follow(self, redis: Redis) -> None:
        """Read the stream for ever; Redis may go away, come back, and come back empty."""
        while True:
            try:
                await self._follow(redis)
            except BUS_ERRORS as error:
                log.debug("bus away: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, redis: Redis) -> None:
        """Pass on what comes until the stream is lost."""
        await self._find_place(redis)
        while True:
            events = await bus.read(redis, self.position, block_ms=BLOCK_MS)
            if not await self._has_place(redis):
                return  # others may have come, and gone, before these
            for stream_id, event in events:
                self.position = stream_id
                self.broadcast(event.type, event.data(), stream_id)

    async def _find_place(self, redis: Redis) -> None:
        """Go on where we were, or at the end when that is lost: then clients load anew."""
        if not await self._has_place(redis):
            self.server, self.position = await server_id(redis), await bus.end_of_stream(redis)
            self.broadcast(RESYNC, {}, self.position)

    async def _has_place(self, redis: Redis) -> bool:
        """Whether nothing was lost since our position; a server that ended may have lost some."""
        return self.server == await server_id(redis) and await bus.can_resume_from(
            redis, self.position
        )

    def broadcast(self, name: str, data: object, stream_id: str) -> None:
        """Offer an event to every client."""
        if bell := self.bells.get(name):
            bell.set()
        message = (stream_id, frame(name, data, stream_id))
        for client in self.clients:
            client.offer(message)
        if isinstance(data, dict) and not name.endswith(".progress"):
            told = {"event_id": stream_id, **bus.ids(data), "pages": len(self.clients)}
            log.debug("%s passed on", name, extra=told)

    def close(self) -> None:
        """End every stream now, so that the server can stop."""
        self.is_closing = True
        for client in self.clients:
            client.offer(None)

    def check_room(self, caller: str) -> None:
        """Raises 429 for one stream too many, of this caller or in all."""
        if too_many := self._too_many(caller):
            raise TooManyRequestsException(
                f"more than {too_many} open event streams", headers=LATER
            )

    def _too_many(self, caller: str) -> str:
        """The bound that one stream more would break; empty while there is room."""
        if self.most_each and self.callers[caller] >= self.most_each:
            return f"{self.most_each}"
        return f"{MOST_STREAMS} in all:" if len(self.clients) >= MOST_STREAMS else ""

    async def stream(self, redis: Redis, since: str | None, caller: str) -> AsyncGenerator[bytes]:
        """What one client receives: hello, what it missed since its last event, then all new."""
        if self._too_many(caller):
            return  # others came between the request and its answer
        client = Client()
        self.clients.add(client)
        self.callers[caller] += 1
        try:
            place = self.position
            yield frame("hello", {"position": place}, "" if since else place)
            for stream_id, content in await missed(redis, since, place):
                place = stream_id
                yield content
            async for content in self._new(client, place):
                yield content
        finally:
            self.clients.discard(client)
            self.callers[caller] -= 1
            if not self.callers[caller]:
                del self.callers[caller]

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
            if is_resync := content == frame(RESYNC, {}, stream_id):
                sent = NOWHERE  # a stream made anew may count from below
            if is_resync or order(stream_id) > order(sent):
                yield content


async def server_id(redis: Redis) -> str:
    """The process that answers; another one after each start."""
    return str((await redis.info("server"))["run_id"])


async def missed(redis: Redis, since: str | None, place: str) -> list[Message]:
    """The events after `since`; when the stream cannot tell any more, a `resync` at `place`."""
    if not since:
        return []
    lost = [(place, frame(RESYNC, {}, place))]
    try:
        if not await bus.can_resume_from(redis, since):
            return lost
        events = await bus.read(redis, since, count=MOST_MISSED + 1)
        if len(events) > MOST_MISSED or not await bus.can_resume_from(redis, since):
            return lost  # too long ago, or trimmed while it was read
    except (*BUS_ERRORS, ValueError):
        return lost
    return [(stream_id, frame(event.type, event.data(), stream_id)) for stream_id, event in events]


@contextlib.asynccontextmanager
async def following(app: Litestar) -> AsyncGenerator[None]:
    """Follow the stream for as long as the application runs."""
    settings: Settings = app.state.settings
    live: Live = app.state.live
    async with (
        open_redis(settings, "gateway-live", blocking=True) as redis,
        alongside(live.follow(redis), END_SECONDS),
    ):
        try:
            yield
        finally:
            live.close()
