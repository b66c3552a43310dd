"""How files come: renamed into the folder, written there slowly, or uploaded."""

import asyncio
import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from rfm_common.db import open_sessions
from rfm_common.taking import take_name
from tests.prove.files import ROUND, Dropped, Maker
from tests.prove.nemesis import PATIENCE, at_work
from tests.prove.stack import Stack
from tests.running import drop

SCORING = """
SELECT worker FROM scoring_runs r WHERE r.state = 'running'
AND r.data_version = (SELECT data_version FROM data_state)
AND NOT EXISTS (SELECT FROM scoring_runs WHERE state = 'queued')
"""
"""Which worker has read all data already, with no run to come that would see more."""

LONGEST = 4
"""So many times as long it may take until there was everything."""


@dataclass
class Deliveries:
    """Everything that was put before ingest: surely, or perhaps (an upload without an answer).

    And who was erased: surely, or perhaps.
    """

    surely: list[Dropped] = field(default_factory=list)
    perhaps: list[Dropped] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)
    perhaps_erased: set[str] = field(default_factory=set)
    ways: Counter[str] = field(default_factory=Counter)


class Courier:
    """Delivers a maker's files into a stack."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.stack = stack
        self.random = random.Random(seed)
        self.maker = Maker(random.Random(seed + 1))
        self.done = Deliveries()
        self.input = stack.input
        self.still = asyncio.Lock()
        """Who holds it knows that nothing is being delivered."""

    async def run(self, seconds: float, has_seen_all: Callable[[], bool]) -> None:
        """Deliver for so long, and on a crowded machine longer: every kind of file is to come, and
        whatever else must be seen."""
        started = time.monotonic()
        for number, dropped in enumerate(self.maker.files(), 1):
            await self.deliver(dropped)
            await asyncio.sleep(self.random.expovariate(2.5))
            is_enough = number >= ROUND and has_seen_all()
            if time.monotonic() - started > (seconds if is_enough else LONGEST * seconds):
                return

    async def deliver_during_a_run(self) -> None:
        """Two last files, the second of them while scores of the first are being made.

        Is the first never scored, then there is no second that would make up for it.
        """
        await self._rename(self.maker.more_orders())
        async with open_sessions(self.stack.settings, "prove") as sessions:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while not await at_work(sessions, SCORING):
                        await asyncio.sleep(0.02)
                    await self._rename(self.maker.more_orders())

    async def deliver_poison(self) -> None:
        async with self.still:
            await self._rename(self.maker.poison())

    async def deliver_colliding(self) -> None:
        """Files of one name are uploaded at the same moment, and one is copied there as well."""
        async with self.still:
            first, *others = self.maker.more_of_one_name(5)
            self.done.ways["colliding"] += len(others) + 1
            await asyncio.gather(*map(self._upload, others), self._copy(first))

    async def _copy(self, dropped: Dropped) -> None:
        """Put it there under its name if that is free, as careful people do."""
        partial = self.input / f".{dropped.name}.part"
        partial.write_bytes(dropped.content)
        if take_name(partial, self.input / dropped.name):
            self.done.surely.append(dropped)
        else:
            partial.unlink()

    async def deliver(self, dropped: Dropped) -> None:
        ways = (self._rename, self._write, self._upload)
        way = self.random.choices(ways, (60, 15, 25))[0]
        if way == self._upload and not _is_utf8(dropped.name):
            way = self._write
        waits = 0
        while (self.input / dropped.name).exists():  # its last bytes were not taken yet
            await asyncio.sleep(0.2)
            if (waits := waits + 1) > 300:
                return
        async with self.still:
            self.done.ways[way.__name__.strip("_")] += 1
            await way(dropped)

    async def _rename(self, dropped: Dropped) -> None:
        drop(self.input, dropped.name, dropped.content)
        self.done.surely.append(dropped)

    async def _write(self, dropped: Dropped) -> None:
        """Somebody copies it straight into the folder, in three pieces."""
        third = len(dropped.content) // 3 + 1
        with (self.input / dropped.name).open("wb", buffering=0) as file:
            for start in range(0, len(dropped.content), third):
                file.write(dropped.content[start : start + third])
                await asyncio.sleep(0.1)
        self.done.surely.append(dropped)

    async def _upload(self, dropped: Dropped) -> None:
        files = {"files": (dropped.name, dropped.content, "text/csv")}
        try:
            url = self.random.choice(self.stack.urls)
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                answer = await client.post("/imports", files=files, timeout=10)
        except httpx.HTTPError:
            self.done.perhaps.append(dropped)
            return
        if answer.is_success:
            self.done.surely.append(dropped)
        else:
            self.done.perhaps.append(dropped)


def _is_utf8(name: str) -> bool:
    return os.fsencode(name).decode("utf-8", "replace") == name
