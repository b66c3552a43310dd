"""Many event streams: bounded for a caller, and everything else goes on."""

import asyncio
from contextlib import AsyncExitStack

import httpx

from tests.attack.table import Table
from tests.attack.target import SETTINGS, Target

ASKED = 120
PATIENCE = 15.0
"""Seconds for an answer of /health while streams are open; it is told in milliseconds."""


async def attack(target: Target, table: Table) -> None:
    """Open more than are allowed, read nothing, and ask for the whole backlog again and again."""
    allowed = int(SETTINGS["RFM_STREAMS_PER_CALLER"])
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=target.stack.url, timeout=60, trust_env=False, limits=limits,
                          headers=target.bearer("read")) as reader,
        AsyncExitStack() as streams,
    ):  # fmt: skip

        async def open_one() -> int:
            asked = reader.build_request("GET", "/events", params={"since": "0-0"})
            answer = await reader.send(asked, stream=True)
            streams.push_async_callback(answer.aclose)
            return answer.status_code

        codes = [await open_one() for _ in range(ASKED)]
        table.statuses("streams: many of one caller", {200, 429},
                       [(str(n), code) for n, code in enumerate(codes)])  # fmt: skip
        table.add("streams: so many are open", str(allowed), [("open", codes.count(200))],
                  lambda _, count: count == allowed)  # fmt: skip
        await _meanwhile(target, table)
    for since in ("0-0", "1-1", "9999999999999-0", "-1", "x", "0" * 40):
        asked = asyncio.wait_for(_first(target, since), PATIENCE)
        table.statuses(f"streams: since={since[:20]}", {200, 400}, [(since, await asked)])


async def _meanwhile(target: Target, table: Table) -> None:
    outcomes: list[tuple[str, object]] = []
    for path in ("/health", "/segments", "/dashboard"):
        answer = await asyncio.wait_for(target.admin.get(path), PATIENCE)
        outcomes.append((path, answer.status_code))
    table.statuses("streams: calls meanwhile", {200}, outcomes)


async def _first(target: Target, since: str) -> int:
    async with target.admin.stream("GET", "/events", params={"since": since}) as answer:
        return answer.status_code
