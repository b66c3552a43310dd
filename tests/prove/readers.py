"""Who looks on all the while: dashboards, API clients, an open event stream, a reader of SQL."""

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from rfm_common.db import open_sessions, run_sql
from tests.faults.scoring.fleet import _WHOLE as WHOLE
from tests.prove.stack import Stack

PAGES = (
    "/dashboard", "/dashboard/segments", "/dashboard/customers", "/dashboard/clusters",
    "/dashboard/migrations", "/dashboard/imports", "/dashboard/runs", "/imports", "/runs",
    "/migrations", "/snapshots", "/metrics",
)  # fmt: skip
GRACE = 15.0
"""Seconds after a fault in which 503 is an honest answer."""
FINAL = {"loaded", "loaded_with_rejects", "duplicate", "quarantined"}


@dataclass
class Seen:
    """What the readers saw; `wrong` lists what nobody must see."""

    answers: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    snapshots: int = 0
    events: Counter[str] = field(default_factory=Counter)
    told: set[int] = field(default_factory=set)
    """Imports whose end was on the stream."""
    resync: datetime | None = None
    """When the stream last said that something may have been missed."""
    wrong: list[str] = field(default_factory=list)


class Readers:
    """All readers of one stack; `since_fault` gives the seconds of peace so far."""

    def __init__(self, stack: Stack, since_fault: Callable[[], float], seed: int) -> None:
        self.stack, self.since_fault = stack, since_fault
        self.random = random.Random(seed)
        self.seen = Seen()
        self.last_event = ""
        self.client = httpx.AsyncClient(base_url=stack.url, timeout=30, trust_env=False)

    async def get(self, path: str) -> httpx.Response | None:
        """The answer, noted; None when nobody was there to give one."""
        try:
            answer = await self.client.get(path)
        except httpx.HTTPError:
            self.seen.refused += 1
            return None
        self.note(path, answer)
        return answer

    def note(self, path: str, answer: httpx.Response) -> None:
        self.seen.answers[answer.status_code] += 1
        is_honest = answer.status_code == 503 and self.since_fault() < GRACE
        if answer.status_code >= 500 and not is_honest:
            self.seen.wrong.append(f"{path}: {answer.status_code} {answer.text[:200]}")

    async def poll_pages(self) -> None:
        while True:
            await self.get(self.random.choice(PAGES))
            await asyncio.sleep(0.2)

    async def poll_segments(self) -> None:
        """Segments add up to the customers of their run, in every answer."""
        while True:
            answer = await self.get("/segments")
            if answer is not None and answer.status_code == 200:
                await self._check_segments(answer.json())
            await asyncio.sleep(0.1)

    async def _check_segments(self, shown: dict[str, Any]) -> None:
        self.seen.snapshots += 1
        run = await self.get(f"/runs/{shown['run_id']}")
        if run is None or run.status_code != 200:
            return
        counted = sum(row["customer_count"] for row in shown["segments"])
        if counted != run.json()["customers_processed"]:
            self.seen.wrong.append(f"half a snapshot in /segments: {counted} of {run.text[:300]}")

    async def poll_database(self) -> None:
        """One statement sees features, clusters and statistics of the same customers."""
        async with open_sessions(self.stack.settings, "prove") as sessions:
            while True:
                try:
                    async with sessions() as session:
                        row = (await run_sql(session, WHOLE)).first()
                except Exception:
                    await asyncio.sleep(0.3)  # the server is away
                    continue
                if row is not None and len(set(row)) != 1:
                    self.seen.wrong.append(f"half a snapshot in the tables: {tuple(row)}")
                await asyncio.sleep(0.02)

    async def follow(self) -> None:
        """Hold the event stream, and resume it where it broke off."""
        while True:
            headers = {"Last-Event-ID": self.last_event} if self.last_event else {}
            with contextlib.suppress(httpx.HTTPError):
                timeout = httpx.Timeout(5, read=40)
                async with self.client.stream(
                    "GET", "/events", headers=headers, timeout=timeout
                ) as stream:
                    if stream.status_code == 200:
                        await self._read(stream)
            await asyncio.sleep(0.3)

    async def _read(self, stream: httpx.Response) -> None:
        name, stream_id = "", ""
        async for line in stream.aiter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "id":
                stream_id = value
            elif key == "data":
                if name == "hello" and not self.last_event:
                    self.seen.resync = datetime.now(UTC)  # nothing was asked for
                await self._event(name, json.loads(value))
                self.last_event = stream_id or self.last_event

    async def _event(self, name: str, data: dict[str, Any]) -> None:
        self.seen.events[name] += 1
        if name == "resync":
            self.seen.resync = datetime.now(UTC)
        elif name in {"import-finished", "import-rejected"}:
            self.seen.told.add(data["import_id"])
            answer = await self.get(f"/imports/{data['import_id']}")
            if answer is None or answer.status_code not in {200, 404}:
                return
            state = answer.json().get("state")
            if state not in FINAL:
                self.seen.wrong.append(f"told before it was true: {name} {data}, then {state}")


@asynccontextmanager
async def watching(readers: Readers) -> AsyncGenerator[None]:
    """Readers for as long as this lasts."""
    started = time.monotonic()
    tasks = [
        asyncio.create_task(work())
        for work in (
            readers.poll_pages, readers.poll_segments, readers.poll_database, readers.follow,
        )
    ]  # fmt: skip
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for failed in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(failed, asyncio.CancelledError):
                readers.seen.wrong.append(f"a reader gave up: {failed!r}")
        await readers.client.aclose()
        readers.seen.events["seconds"] = round(time.monotonic() - started)
