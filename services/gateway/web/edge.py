"""The outermost layer: HEAD answered like GET, every request measured, and none left without."""

import asyncio
import json
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from litestar import Litestar
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

from rfm_common.beats import beating

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
NAME = "rfm_http_request_seconds"

STOPPED = json.dumps({
    "type": "about:blank", "title": "Service Unavailable", "status": 503,
    "detail": "the server was stopped before it had the answer; try again in a few seconds",
}).encode()  # fmt: skip
"""For a request that outlasts a stop, say while the database is silent; uvicorn says 500."""


@dataclass(slots=True)
class Histogram:
    """How many requests took how long."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0


class Latencies:
    """Requests of this process since it started, by method, route and status.

    The labels are bounded: routes are templates, and what fits none is `unknown`.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], Histogram] = defaultdict(Histogram)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        found = self._known[method if method in METHODS else "other", route, status]
        found.counts[bisect_left(BUCKETS, seconds)] += 1
        found.seconds += seconds

    def lines(self) -> Iterator[str]:
        """Prometheus' text format, without the header."""
        for (method, route, status), found in sorted(self._known.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            total = 0
            for limit, count in zip((*BUCKETS, "+Inf"), found.counts, strict=True):
                total += count
                yield f'{NAME}_bucket{{{labels},le="{limit}"}} {total}'
            yield f"{NAME}_sum{{{labels}}} {found.seconds:.6f}"
            yield f"{NAME}_count{{{labels}}} {total}"


class Edge:
    """Around the whole application, routing included."""

    def __init__(self, app: ASGIApp, latencies: Latencies) -> None:
        self._app, self._latencies = app, latencies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure until the answer begins: a stream of events never ends."""
        method, started = str(scope.get("method", "")), time.perf_counter()
        is_begun = False

        async def measured(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                route = str(scope.get("path_template") or "unknown")
                seconds = time.perf_counter() - started
                self._latencies.observe(method, route, message["status"], seconds)
            await send(message)

        answer = self._head if method == "HEAD" else self._app
        try:
            await answer(scope, receive, measured)
        except asyncio.CancelledError:
            if is_begun:
                raise
            await _say_stopped(measured)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The head of what GET answers; whoever would produce the body hears that nobody reads."""
        is_answered = asyncio.Event()

        async def head_only(message: Message) -> None:
            if message["type"] != "http.response.start":
                return
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            is_answered.set()

        async def until_answered() -> HTTPReceiveMessage:
            if is_answered.is_set():
                return {"type": "http.disconnect"}
            return await receive()  # type: ignore[return-value]

        cast("dict[str, object]", scope)["method"] = "GET"
        await self._app(scope, until_answered, head_only)


async def _say_stopped(send: Send) -> None:
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(STOPPED)).encode()),
        (b"retry-after", b"2"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": STOPPED, "more_body": False})


@asynccontextmanager
async def alive(app: Litestar) -> AsyncGenerator[None]:
    """Show signs of life for as long as the application runs."""
    async with beating(app.state.sessions, "gateway"):
        yield
