"""The arq worker: events ring, a job drains the queue of runs. Redis may come and go.

PostgreSQL holds the queue; the arq job is a bell with a fixed id per worker round. When Redis
is away the same drain runs without it.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any, cast

from arq import ArqRedis
from arq.constants import in_progress_key_prefix
from arq.worker import Worker, func
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from rfm_common import bus
from rfm_common.bus import BUS_ERRORS
from rfm_common.settings import Settings
from rfm_common.tasks import alongside, end, together
from scoring.listener import listen
from scoring.runs import jobs, queue
from scoring.runs.upkeep import tidy

QUEUE = "rfm:scoring"
JOB = "drain"
LEASE = 6.0
"""Seconds after which arq gives the job of a killed worker to another one."""
POLL = 0.05
DAY = 86_400

log = logging.getLogger("rfm.scoring")


def connect_arq(settings: Settings) -> ArqRedis:
    """arq's connection: it survives a restart of the server, and gives up a line that is silent.

    The one that arq makes by itself does neither.
    """
    refused: Any = (RedisConnectionError, OSError)
    pool: ConnectionPool = ConnectionPool.from_url(
        settings.redis_url.get_secret_value(),
        socket_connect_timeout=2, socket_timeout=bus.PATIENCE,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 5, supported_errors=refused),
    )  # fmt: skip
    return ArqRedis(pool)


class ScoringWorker:
    """One process: a listener that rings, and an arq worker that answers the bell."""

    def __init__(self, context: jobs.Context) -> None:
        self._context = context
        self._draining = asyncio.Lock()
        self._bell: ArqRedis | None = None

    async def run(self) -> None:
        """Until cancelled: the run in hand then goes back to the queue."""
        await tidy(self._context.settings, self._context.sessions)
        await together(listen(self._context.settings, self.ring), self._answer())

    async def ring(self) -> None:
        """Call for workers if there is something to do; without Redis, do it here."""
        await jobs.relay(self._context)
        async with self._context.sessions() as session, session.begin():
            await queue.queue_if_behind(session, self._context.settings)
            waiting = await queue.waiting(session)
        await jobs.relay(self._context)
        for run_id in waiting:
            if not await self._enqueue(run_id):
                await self._drain()
                return

    async def _enqueue(self, run_id: int) -> bool:
        if self._bell is None:
            return False
        try:
            async with asyncio.timeout(bus.PATIENCE):
                await self._bell.enqueue_job(JOB, _job_id=f"run-{run_id}", _queue_name=QUEUE)
        except BUS_ERRORS:
            return False
        return True

    async def _answer(self) -> None:
        """Run arq; start it again whenever Redis was away for longer than it endures."""
        while True:
            worker = self._arq()
            try:
                await worker.async_run()
            except BUS_ERRORS as error:
                log.warning("Redis is away: %s", error)
                self._bell = None
                # The run in hand needs no Redis: it is not begun anew for it.
                await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
            finally:
                self._bell = None
                await _close(worker)
            await asyncio.sleep(1)

    def _arq(self) -> Worker:
        worker = Worker(
            [func(cast("Any", self._job), name=JOB, keep_result=0, timeout=DAY, max_tries=1000)],
            queue_name=QUEUE, redis_pool=connect_arq(self._context.settings),
            on_startup=self._ready, handle_signals=False, max_jobs=1, poll_delay=POLL,
            health_check_interval=10, health_check_key=f"{QUEUE}:health:{self._context.worker}",
        )  # fmt: skip
        worker.in_progress_timeout_s = LEASE
        return worker

    async def _ready(self, ctx: dict[Any, Any]) -> None:
        self._bell = ctx["redis"]

    async def _job(self, ctx: dict[Any, Any]) -> None:
        """Drain the queue of runs while prolonging arq's lease on this job."""
        async with alongside(_prolong(ctx["redis"], ctx["job_id"])):
            await self._drain()

    async def _drain(self) -> None:
        async with self._draining:
            await jobs.drain(self._context)


async def _prolong(redis: ArqRedis, job_id: str) -> None:
    while True:
        with suppress(*BUS_ERRORS):
            await redis.pexpire(in_progress_key_prefix + job_id, int(LEASE * 1000))
        await asyncio.sleep(LEASE / 3)


async def _close(worker: Worker) -> None:
    """Let the job in hand put its run back, then close; no answer of Redis is waited for long."""
    await end(*worker.tasks.values())
    await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
    worker.tasks.clear()
    with suppress(*BUS_ERRORS):
        async with asyncio.timeout(bus.PATIENCE):
            await worker.close()
