"""Who looks on all the while: dashboards, API clients, an open event stream, a reader of SQL."""

import asyncio
import contextlib
import csv
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from rfm_common.db import open_sessions
from tests.prove.finding import Finding
from tests.prove.stack import Stack
from tests.whole import Reader

PAGES = (
    "/dashboard", "/dashboard/segments", "/dashboard/customers", "/dashboard/clusters",
    "/dashboard/cohorts", "/cohorts",
    "/dashboard/migrations", "/dashboard/imports", "/dashboard/runs", "/imports", "/runs",
    "/migrations", "/snapshots", "/metrics",
)  # fmt: skip
GRACE = 15.0
"""Seconds after a fault in which 503 is an honest answer."""
FINAL = {"loaded", "loaded_with_rejects", "duplicate", "quarantined"}
ENDS = {
    "import-finished": "import", "import-rejected": "import",
    "run-finished": "run", "run-failed": "run",
}  # fmt: skip
"""What the events that end something are about."""

Told = tuple[str, int]


@dataclass
class Seen:
    """What the readers saw; `wrong` lists what nobody must see."""

    answers: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    snapshots: int = 0
    exports: Counter[str] = field(default_factory=Counter)
    """How many were whole, and how many visibly broken."""
    events: Counter[str] = field(default_factory=Counter)
    told: set[Told] = field(default_factory=set)
    """Imports and runs whose end was on the stream, or there when it said to load anew."""
    resumed: int = 0
    """How often the stream broke and went on where it had been."""
    wrong: list[Finding] = field(default_factory=list)


class Readers:
    """All readers of one stack; `peace` gives the seconds since something was broken."""

    def __init__(self, stack: Stack, peace: Callable[[], float], seed: int) -> None:
        self.stack, self.peace = stack, peace
        self.random = random.Random(seed)
        self.seen = Seen()
        self.tables = Reader()
        self.last_event = ""
        self.client = httpx.AsyncClient(timeout=30, trust_env=False)

    def blame(self, check: str, sentence: str) -> None:
        self.seen.wrong.append(Finding(check, sentence))

    async def get(self, path: str) -> httpx.Response | None:
        """The answer, noted; None when nobody was there to give one."""
        peace = self.peace()
        try:
            answer = await self.client.get(self.random.choice(self.stack.urls) + path)
        except httpx.HTTPError:
            self.seen.refused += 1
            return None
        self.note(path, answer, peace)
        return answer

    def note(self, path: str, answer: httpx.Response, peace: float) -> None:
        """Count the answer; 503 is an honest one if something was broken when it was asked for."""
        self.seen.answers[answer.status_code] += 1
        is_honest = answer.status_code == 503 and min(peace, self.peace()) < GRACE
        if answer.status_code >= 500 and not is_honest:
            self.blame("answers", f"{path}: {answer.status_code} {answer.text[:200]}")

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
            self.blame("whole snapshots", f"/segments: {counted} of {run.text[:300]}")

    async def poll_exports(self) -> None:
        """Each download is whole, or the client is told that it broke off."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                peace = self.peace()
                url = self.random.choice(self.stack.urls)
                async with self.client.stream("GET", f"{url}/export/segments/all") as answer:
                    await self.check_export(answer, peace)
            await asyncio.sleep(1.5)

    async def check_export(self, answer: httpx.Response, peace: float) -> None:
        try:
            await answer.aread()
        except httpx.HTTPError:
            self.seen.exports["broken"] += 1
            return
        self.note("/export/segments/all", answer, peace)
        if answer.status_code == 200:
            self.seen.exports["whole"] += 1
            ids = [row["customer_id"] for row in csv.DictReader(answer.text.splitlines())]
            promised = int(answer.headers["x-row-count"])
            if not promised == len(ids) == len(set(ids)):
                self.blame("exports", f"{len(ids)} rows ({len(set(ids))} ids) of {promised}")

    async def poll_database(self) -> None:
        """One statement sees features, clusters and statistics of the same customers."""
        async with open_sessions(self.stack.settings, "prove") as sessions:
            await self.tables.watch(sessions)

    async def follow(self) -> None:
        """Hold the event stream, and resume it where it broke off."""
        while True:
            headers = {"Last-Event-ID": self.last_event} if self.last_event else {}
            with contextlib.suppress(httpx.HTTPError):
                url, timeout = self.random.choice(self.stack.urls), httpx.Timeout(5, read=40)
                async with self.client.stream(
                    "GET", f"{url}/events", headers=headers, timeout=timeout
                ) as stream:
                    if stream.status_code == 200:
                        self.seen.resumed += bool(self.last_event)
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
                await self._event(name, json.loads(value))
                self.last_event = stream_id or self.last_event

    async def _event(self, name: str, data: dict[str, Any]) -> None:
        self.seen.events[name] += 1
        if name == "resync" or (name == "hello" and not self.last_event):
            await self._load_anew("import", "/imports")
            await self._load_anew("run", "/runs")
        elif what := ENDS.get(name):
            self.seen.told.add((what, data[f"{what}_id"]))
        if name in {"import-finished", "import-rejected"}:
            await self._is_true(name, data)

    async def _load_anew(self, what: str, path: str) -> None:
        """What a page does that has just come, or that was told that it missed something."""
        page, total = 1, 1
        while (page - 1) * 1000 < total:
            answer = await self.get(f"{path}?page_size=1000&page={page}")
            if answer is None or answer.status_code != 200:
                await asyncio.sleep(0.3)
                continue
            found = answer.json()
            page, total = page + 1, found["total"]
            self.seen.told |= {
                (what, row[f"{what}_id"]) for row in found[f"{what}s"] if row["finished_at"]
            }

    async def _is_true(self, name: str, data: dict[str, Any]) -> None:
        """Who looks at once sees what the event told."""
        answer = await self.get(f"/imports/{data['import_id']}")
        if answer is None or answer.status_code not in {200, 404}:
            return
        state = answer.json().get("state")
        if state not in FINAL:
            self.blame("told too early", f"{name} {data}, then {state}")


@asynccontextmanager
async def watching(readers: Readers) -> AsyncGenerator[None]:
    """Readers for as long as this lasts."""
    tasks = [
        asyncio.create_task(work())
        for work in (
            readers.poll_pages, readers.poll_segments, readers.poll_exports,
            readers.poll_database, readers.follow,
        )
    ]  # fmt: skip
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for failed in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(failed, asyncio.CancelledError):
                readers.blame("readers", f"one gave up: {failed!r}")
        for row in readers.tables.halves:
            readers.blame("whole snapshots", f"in the tables: {row}")
        await readers.client.aclose()
