"""The worker: events ask for a look at the queue of runs. Redis may come and go.

The queue is PostgreSQL's, with its claims and leases. An arq job only says "look": it has no key
and no arguments, whoever takes it looks for runs, and one that gets lost or comes twice does no
harm. When Redis is away a worker asks itself.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any, NoReturn

from arq import ArqRedis
from arq.worker import Worker, func
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from rfm_common import bus
from rfm_common.bus import BUS_ERRORS
from rfm_common.settings import Settings
from rfm_common.tasks import end, together
from scoring.listener import listen
from scoring.runs import jobs, queue
from scoring.runs.cohorts import keep_cohorts
from scoring.runs.forecasts import keep_forecasts
from scoring.runs.history import queue_past
from scoring.runs.judging import keep_judgements
from scoring.runs.upkeep import has_stale_flows, run_maintenance

QUEUE = "rfm:scoring"
POLL = 0.05
TURN = 10.0
"""Seconds for which a worker that has runs leaves further jobs to those that are free."""

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
    """One process: a listener that asks for looks, arq that hands them out, and the runs."""

    def __init__(self, context: jobs.Context) -> None:
        self._context = context
        self._called, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._bell: ArqRedis | None = None

    async def run(self) -> None:
        """Until cancelled: the run in hand then goes back to the queue."""
        await run_maintenance(self._context.settings, self._context.sessions)
        await together(
            listen(self._context.settings, self.ring), self._answer(), self._carry_out_runs(),
            keep_cohorts(self._context.sessions),
            keep_forecasts(self._context.settings, self._context.sessions),
            keep_judgements(self._context.sessions),
        )  # fmt: skip

    async def ring(self) -> None:
        """Have a worker look if there is something to do; this one if it is at it, or alone."""
        await jobs.relay(self._context)
        async with self._context.sessions() as session, session.begin():
            if not await queue.queue_if_behind(session, self._context.settings):
                await queue_past(session, self._context.settings)
            is_waiting = await queue.is_waiting(session) or await has_stale_flows(session)
        await jobs.relay(self._context)
        if is_waiting and not (self._idle.is_set() and await self._enqueue()):
            self._call()

    async def _enqueue(self) -> bool:
        """Ask whichever worker is free; False without Redis."""
        if self._bell is None:
            return False
        try:
            async with asyncio.timeout(bus.PATIENCE):
                await self._bell.enqueue_job(self.look.__name__, _queue_name=QUEUE)
        except BUS_ERRORS:
            return False
        return True

    async def look(self, _: dict[Any, Any]) -> None:
        """The arq job: have this worker look for runs.

        The runs are not the job's: Redis may go, and arq with it, while one is carried out. And a
        job is short, so that those of killed workers, which arq keeps until they would have timed
        out, never pile up in front of new ones.
        """
        self._call()
        with suppress(TimeoutError):
            async with asyncio.timeout(TURN):
                await self._idle.wait()

    def _call(self) -> None:
        self._idle.clear()
        self._called.set()

    async def _carry_out_runs(self) -> NoReturn:
        while True:
            await self._called.wait()
            self._called.clear()
            try:
                await jobs.drain(self._context)
            except Exception as error:
                log.warning("cannot look for runs: %s", error)
            if not self._called.is_set():
                self._idle.set()

    async def _answer(self) -> NoReturn:
        """Run arq; start it again whenever Redis was away for longer than it endures."""
        while True:
            worker = self._arq()
            try:
                await worker.async_run()
            except BUS_ERRORS as error:
                log.warning("Redis is away: %s", error)
            finally:
                self._bell = None
                await _close(worker)
            await asyncio.sleep(1)

    def _arq(self) -> Worker:
        look: Any = self.look
        return Worker(
            [func(look, name=self.look.__name__, keep_result=0, timeout=2 * TURN)],
            queue_name=QUEUE, redis_pool=connect_arq(self._context.settings),
            on_startup=self._ready, handle_signals=False, max_jobs=1, poll_delay=POLL,
            health_check_interval=10, health_check_key=f"{QUEUE}:health:{self._context.worker}",
        )  # fmt: skip

    async def _ready(self, ctx: dict[Any, Any]) -> None:
        self._bell = ctx["redis"]


async def _close(worker: Worker) -> None:
    """Close arq, which may meet any error of Redis in doing so; a silent one is not waited for."""
    closing = asyncio.create_task(worker.close())
    await asyncio.wait([closing], timeout=bus.PATIENCE)
    await end(closing)
    await asyncio.gather(closing, return_exceptions=True)
