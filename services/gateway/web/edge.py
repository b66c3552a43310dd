"""The outermost layer: HEAD answered like GET, every request measured, and none left without."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from litestar import Litestar
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics

from gateway.web.slashes import keep_escaped
from rfm_common.beats import beating
from rfm_common.installation import claiming

# Else each series comes with a second one, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

STOPPED = json.dumps({
    "type": "about:blank", "title": "Service Unavailable", "status": 503,
    "detail": "the server was stopped before it had the answer; try again in a few seconds",
}).encode()  # fmt: skip
"""For a request that outlasts a stop, say while the database is silent; uvicorn says 500."""


def request_seconds(registry: CollectorRegistry) -> Histogram:
    """How long requests of this process took, by method, route and status.

    The labels are bounded: routes are templates, and what fits none is `unknown`.
    """
    return Histogram(
        "rfm_http_request_seconds",
        "Seconds until the answer begins, by method, route and status",
        ("method", "route", "status"),
        registry=registry,
    )


class Edge:
    """Around the whole application, routing included."""

    def __init__(self, app: ASGIApp, durations: Histogram) -> None:
        self._app, self._durations = app, durations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure until the answer begins: a stream of events never ends."""
        keep_escaped(scope)
        method, started = str(scope.get("method", "")), time.perf_counter()
        is_begun = False

        async def measured(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                route = str(scope.get("path_template") or "unknown")
                known = method if method in METHODS else "other"
                found = self._durations.labels(known, route, message["status"])
                found.observe(time.perf_counter() - started)
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
    """Show signs of life, and hold Redis, for as long as the application runs."""
    sessions = app.state.sessions
    async with claiming(sessions, app.state.redis), beating(sessions, "gateway"):
        yield
