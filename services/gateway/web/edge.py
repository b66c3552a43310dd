"""The outermost layer: HEAD answered like GET, every request measured, and none left without."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import cast

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics

from gateway.web.broken import tell_broken
from gateway.web.slashes import keep_escaped
from rfm_common.beats import beating
from rfm_common.installation import claiming

# Else each series comes with a second one, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

STOPPED = "the server was stopped before it had the answer; try again in a few seconds"
"""For a request that outlasts a stop, say while the database is silent; uvicorn says 500."""
LONGEST_HEAD = 64 * 2**10
"""Bytes of the address and the headers together. The server's parser bounds only a head that has
not ended: one that comes in a single piece may be longer."""
MOST_HEADERS = 100
TOO_LONG = f"at most {LONGEST_HEAD} bytes of address and headers, and {MOST_HEADERS} headers"


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
        if is_too_long(scope):
            await _refuse(measured, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LONG)
            return
        try:
            await answer(scope, receive, measured)
        except asyncio.CancelledError:
            if is_begun:
                raise
            await _refuse(measured, HTTPStatus.SERVICE_UNAVAILABLE, STOPPED)
        except Exception as error:
            if not is_begun:
                raise
            tell_broken(scope["path"], error)  # the server cuts an answer that has no end

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


def is_too_long(scope: Scope) -> bool:
    """Whether the head of a request is more than this gateway reads."""
    if scope["type"] != ScopeType.HTTP:
        return False
    fields = [len(name) + len(value) for name, value in scope["headers"]]
    address = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    return len(fields) > MOST_HEADERS or address + sum(fields) > LONGEST_HEAD


async def _refuse(send: Send, status: HTTPStatus, detail: str) -> None:
    """Answer without the application; the connection closes behind it."""
    problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    body = json.dumps(problem).encode()
    again = [(b"retry-after", b"2")] if status == HTTPStatus.SERVICE_UNAVAILABLE else []
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *again,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@asynccontextmanager
async def alive(app: Litestar) -> AsyncGenerator[None]:
    """Show signs of life, and hold Redis, for as long as the application runs."""
    sessions = app.state.sessions
    async with claiming(sessions, app.state.redis), beating(sessions, "gateway"):
        yield
