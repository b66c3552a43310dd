"""Steady drops on a large shop, day after day, sped up: nothing may go on growing.

A day of the shop is a few files. Its orders bring the day along, and the ledger is made a day
older, so that snapshots, archive and outbox reach the age at which they are pruned.
"""

import asyncio
import json
import math
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from rfm_cli.generate import Size, write_dataset
from rfm_common import bus
from rfm_common.bus import open_redis
from rfm_common.db import Sessions, open_sessions, run_sql
from rfm_common.demo.lines import ORDER_HEADER, write_lines
from rfm_common.events import RunProgress
from rfm_common.tasks import alongside
from tests.prove.finding import Finding
from tests.prove.growth import Growth, judge
from tests.prove.measures import SLACK, measure
from tests.prove.readers import Readers
from tests.prove.stack import Stack, running
from tests.running import eventually

KEPT_DAYS = 3
"""Of snapshots by day, and of the archive."""
DROPS_A_DAY = 2
FIRST_DAY = date(2019, 1, 1)
"""Long ago: the shop's newest order, not the clock, then says which day it is."""
ROWS = 200
LEAST_DROPS = 30
"""However slow the machine is: after fewer runs memory is not yet warm."""
EVERY = 1.0
"""Seconds between two measurements."""
LOAD_SECONDS = 600.0

SETTINGS = {
    "RFM_SNAPSHOT_DAYS": str(KEPT_DAYS), "RFM_ARCHIVE_DAYS": str(KEPT_DAYS),
    "RFM_RETENTION_SECONDS": "2", "RFM_RESCAN_SECONDS": "1", "RFM_CURRENCY": "EUR",
}  # fmt: skip


@dataclass
class Soaked:
    """What was done, what was measured, and what was found."""

    orders: int
    drops: int = 0
    days: int = 0
    runs: int = 0
    seconds: float = 0
    answers: Counter[int] = field(default_factory=Counter)
    measured: list[dict[str, float]] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Shop:
    """Sells a little each day to the customers that it has, and to a few more."""

    def __init__(self, stack: Stack, orders: int, seed: int) -> None:
        self.stack, self.random = stack, random.Random(seed)
        self.orders, self.customers, self.seed = orders, max(orders // 10, 1), seed
        self.drops = 0

    @property
    def day(self) -> date:
        return FIRST_DAY + timedelta(days=1 + self.drops // DROPS_A_DAY)

    def open(self) -> None:
        """The shop's past, in the watched folder."""
        size = Size(customers=self.customers, orders=self.orders, seed=self.seed, until=FIRST_DAY)
        write_dataset(self.stack.input, size)

    def drop(self) -> None:
        write_lines(
            self.stack.input / f"orders-{self.drops:06d}.csv", [ORDER_HEADER, *self._lines()]
        )
        self.drops += 1

    def _lines(self) -> list[str]:
        day, now = self.day, f"{8 + self.drops % DROPS_A_DAY:02d}"
        return [
            f"S{self.drops:06d}{row:04d},C{self.random.randrange(self.customers + 50):08d},"
            f"{day}T{now}:{row % 60:02d}:00,{self.random.uniform(5, 200):.2f},EUR,completed\n"
            for row in range(ROWS)
        ]


async def soak(orders: int, seconds: float, seed: int) -> Soaked:
    """Drop files into a stack for so long, each when the one before is scored; then judge."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise SystemExit("memory is read from /proc, which only Linux has")
    soaked = Soaked(orders)
    async with (
        running(more=SETTINGS, is_tight=False) as stack,
        open_sessions(stack.settings, "soak") as sessions,
        open_redis(stack.settings, "soak") as redis,
    ):
        await _open(stack, sessions, redis, shop := Shop(stack, orders, seed))
        readers = Readers(stack, lambda: math.inf, seed)
        async with looking(readers), alongside(_measure(stack, sessions, redis, soaked)):
            await _sell(shop, sessions, soaked, seconds)
        soaked.runs = await _count(sessions, "scoring_runs WHERE state = 'finished'")
        if failed := await _count(sessions, "scoring_runs WHERE state = 'failed'"):
            soaked.findings.append(Finding("runs", f"{failed} failed"))
    soaked.answers = readers.seen.answers
    soaked.growths = judge(soaked.measured, SLACK)
    soaked.findings += readers.seen.wrong
    soaked.findings += [Finding("growth", str(one)) for one in soaked.growths if not one.is_flat]
    return soaked


async def _open(stack: Stack, sessions: Sessions, redis: Redis, shop: Shop) -> None:
    """A shop that has been open for weeks: all is scored, and the stream is as long as it gets."""
    await asyncio.to_thread(shop.open)
    await eventually(lambda: _is_scored(sessions, 3), LOAD_SECONDS, "the shop is loaded and scored")
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(bus.KEPT + 500):
            await bus.publish(pipe, RunProgress(run_id=0, step="load", step_number=number))
        await pipe.execute()


async def _sell(shop: Shop, sessions: Sessions, soaked: Soaked, seconds: float) -> None:
    started = time.monotonic()
    while (took := time.monotonic() - started) < seconds or shop.drops < LEAST_DROPS:
        day, version = shop.day, await _version(sessions)
        await asyncio.to_thread(shop.drop)
        await eventually(lambda v=version: _is_scored(sessions, v + 1), 120, "a file is scored")
        if shop.day != day:
            await _age(sessions)
            soaked.days += 1
    soaked.drops, soaked.seconds = shop.drops, round(took, 1)


async def _is_scored(sessions: Sessions, version: int) -> bool:
    """Whether so much has been loaded, and scored."""
    with suppress(SQLAlchemyError):
        async with sessions() as session:
            found = await run_sql(session, "SELECT scored_version >= greatest(data_version, :v)"
                                  " FROM data_state", v=version)  # fmt: skip
            return bool(found.scalar())
    return False


async def _version(sessions: Sessions) -> int:
    async with sessions() as session:
        return int((await run_sql(session, "SELECT data_version FROM data_state")).scalar_one())


async def _count(sessions: Sessions, what: str) -> int:
    async with sessions() as session:
        found = await run_sql(session, f"SELECT count(*) FROM {what}")
        return int(found.scalar_one())


async def _age(sessions: Sessions) -> None:
    """A day passes for what is pruned by its age."""
    async with sessions() as session, session.begin():
        for table, column in (("imports", "finished_at"), ("outbox", "published_at")):
            await run_sql(
                session,
                f"UPDATE {table} SET {column} = {column} - interval '1 day'",
            )


async def _measure(stack: Stack, sessions: Sessions, redis: Redis, soaked: Soaked) -> None:
    while True:
        soaked.measured.append(await measure(stack, sessions, redis))
        await asyncio.sleep(EVERY)


@asynccontextmanager
async def looking(readers: Readers) -> AsyncGenerator[None]:
    """Somebody turns pages and holds the event stream all the while."""
    try:
        async with alongside(readers.poll_pages()), alongside(readers.follow()):
            yield
    finally:
        await readers.client.aclose()


def show(soaked: Soaked) -> bool:
    """Print what was measured, as docs/reliability.md quotes it; whether nothing grew."""
    print(
        f"{soaked.orders:,} orders; {soaked.drops} drops of {ROWS} rows in {soaked.seconds:g} s,"
        f" {soaked.days} days, {soaked.runs} runs, {soaked.answers.total()} answers,"
        f" {os.cpu_count()} cores"
    )
    print("| what | middle third | last third | at most | allowed |\n|---|---|---|---|---|")
    for one in soaked.growths:
        figures = (one.middle, one.last, one.peak, one.allowed)
        print(f"| {one.name} | {' | '.join(f'{figure:,.0f}' for figure in figures)} |")
    for finding in soaked.findings:
        print(f"  {finding}")
    if soaked.findings:
        kept = Path(tempfile.gettempdir()) / "rfm-soak.json"
        kept.write_text(json.dumps(soaked.measured))
        print(f"every measurement is kept in {kept}")
    print("something grew or broke" if soaked.findings else "nothing grew")
    return not soaked.findings
