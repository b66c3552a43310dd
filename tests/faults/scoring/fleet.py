"""Real workers to kill, and servers to restart."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from redis.asyncio import Redis

from rfm_cli.server import PrivateServer
from rfm_common import bus
from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from tests.integration.scoring.shop import ShopOrder, load
from tests.running import eventually, start, stop


class Fleet:
    """Worker processes of one test; a killed one is replaced at once."""

    def __init__(self, settings: Settings, sessions: Sessions, redis: Redis) -> None:
        self.settings, self.sessions, self.redis = settings, sessions, redis
        self.processes: dict[int, asyncio.subprocess.Process] = {}

    async def add(self) -> int:
        process = await start("scoring", self.settings)
        self.processes[process.pid] = process
        return process.pid

    async def kill(self, pid: int) -> None:
        process = self.processes.pop(pid)
        process.kill()
        await process.wait()

    async def stop(self) -> list[int]:
        return [await stop(process) for process in self.processes.values()]

    async def caught_up(self) -> bool:
        async with self.sessions() as session:
            row = (await run_sql(session, "SELECT data_version = scored_version"
                                 " AND NOT EXISTS (SELECT 1 FROM scoring_runs WHERE state IN"
                                 " ('queued', 'running')) FROM data_state")).one()  # fmt: skip
            return bool(row[0])

    async def settle(self, seconds: float = 60) -> None:
        await eventually(self.caught_up, seconds, "scored_version = data_version")

    async def holder(self, table: str) -> int:
        """The process whose run waits for a lock on the table."""

        async def blocked() -> int:
            async with self.sessions() as session:
                found = await run_sql(session, _BLOCKED, table=table)
                return int(found.scalar() or 0)

        return await eventually(blocked, 60, f"a run waits for {table}")

    async def ring(self) -> None:
        await bus.relay(self.sessions, self.redis)


_BLOCKED = """
SELECT split_part(r.worker, ':', 2) FROM scoring_runs r
WHERE r.state = 'running' AND EXISTS (
    SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE NOT l.granted AND l.relation = CAST(:table AS regclass)
      AND a.application_name IN ('rfm-scoring', 'rfm-publishing-' || r.run_id))
"""


@asynccontextmanager
async def fleet(
    settings: Settings, sessions: Sessions, redis: Redis, size: int
) -> AsyncGenerator[Fleet]:
    workers = Fleet(settings, sessions, redis)
    try:
        for _ in range(size):
            await workers.add()
        yield workers
        # -15: one that had not yet come so far as to listen for signals
        assert set(await workers.stop()) <= {0, -signal.SIGTERM}
    finally:
        for process in workers.processes.values():
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)


@asynccontextmanager
async def locked(sessions: Sessions, table: str, mode: str) -> AsyncGenerator[None]:
    """Hold a table so that whoever needs it waits."""
    async with sessions() as session, session.begin():
        await run_sql(session, f"LOCK TABLE {table} IN {mode} MODE")
        yield


@asynccontextmanager
async def stopped_at(
    workers: Fleet, table: str, mode: str, orders: Sequence[ShopOrder]
) -> AsyncGenerator[int]:
    """Load orders and yield the worker whose run waits for the table.

    It is first held while it reads the rates, which nothing else needs, so that the load
    itself does not wait.
    """
    async with AsyncExitStack() as held:
        async with locked(workers.sessions, "exchange_rates", "ACCESS EXCLUSIVE"):
            await load(workers.sessions, orders)
            await workers.ring()
            pid = await workers.holder("exchange_rates")
            if table != "exchange_rates":
                await held.enter_async_context(locked(workers.sessions, table, mode))
            else:
                yield pid
                return
        yield await workers.holder(table)


def crash(server: PrivateServer, number: int) -> None:
    """End a server the hard way and wait until it is gone; `start` brings it back, same port."""
    assert server.process is not None
    server.signal(number)
    server.process.wait(20)
