"""Claim runs and carry them out: lease, cancellation, retries and the swap."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn

from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.db import Sessions
from rfm_common.events import RunProgress
from rfm_common.logs import bound
from rfm_common.models import RunState
from rfm_common.settings import Settings
from rfm_common.tasks import together
from scoring.engines import Engine, EngineAwayError
from scoring.runs import queue
from scoring.runs.compute import compute
from scoring.runs.faults import describe, is_locked_out, is_transient
from scoring.runs.progress import Pace, Progress
from scoring.runs.publish import BaseReplacedError, Outcome, Publication, publication
from scoring.runs.queue import CancelledRunError, Claim, LostRunError
from scoring.runs.upkeep import run_maintenance

TICK = 0.05
"""Seconds between two looks at the step of a run."""
TELL = 1.0
"""Seconds that telling the step may take."""
SWAP_PATIENCE = 600.0
"""Seconds to wait for readers who hold a snapshot open (a long export) before a retry."""
AWAY_PAUSE = 1.0
"""Seconds, doubled with each attempt, before a run asks again for an engine that was away."""

log = logging.getLogger("rfm.scoring")


@dataclass(frozen=True, slots=True)
class Context:
    """What a worker works with."""

    settings: Settings
    sessions: Sessions
    redis: Redis
    engine: Engine
    worker: str


async def drain(context: Context) -> int:
    """Carry out every run that waits, and the one that new data asks for; how many."""
    done = 0
    while claimed := await _next(context):
        await carry_out(context, claimed)
        done += 1
    await run_maintenance(context.settings, context.sessions)
    return done


async def _next(context: Context) -> Claim | None:
    async with context.sessions() as session, session.begin():
        claimed = await queue.claim(session, context.worker)
        if claimed is None and await queue.queue_if_behind(session, context.settings):
            claimed = await queue.claim(session, context.worker)
    await relay(context)
    return claimed


async def carry_out(context: Context, claimed: Claim) -> None:
    """Run to the end, whatever the end is; only a stop of this worker gets through.

    A run that fails, for whatever reason, must not take the worker along.
    """
    with bound(run_id=claimed.run_id):
        await _carry_out(context, claimed)
    await relay(context)


async def _carry_out(context: Context, claimed: Claim) -> None:
    log.debug("run started", extra={"attempt": claimed.attempt})
    try:
        await _under_lease(context, claimed)
    except asyncio.CancelledError:
        await asyncio.shield(_release(context, claimed))
        raise
    except LostRunError:
        log.warning("run taken over by another worker")
    except BaseReplacedError:
        await _release(context, claimed)
    except CancelledRunError:
        await _end(context, claimed, RunState.CANCELLED, "cancelled")
    except Exception as error:
        await _failed(context, claimed, error)


async def _under_lease(context: Context, claimed: Claim) -> None:
    """Compute and publish while a second task shows signs of life; the first to end decides."""
    progress, heartbeat_lock = Progress(), asyncio.Lock()
    async with publication(context.sessions, claimed) as swap:
        outcome = await together(
            _work(context, swap, progress, heartbeat_lock),
            _heartbeat(context, claimed, progress, heartbeat_lock),
        )
    seconds = round(sum(progress.timings.values()), 2)
    log.info(outcome.row["message"], extra={"seconds": seconds})


async def _work(
    context: Context, swap: Publication, progress: Progress, heartbeat_lock: asyncio.Lock
) -> Outcome:
    """Compute and publish.

    The lock stays held after success: a finished run shows no more signs of life.
    """
    outcome = await _compute(context, swap, progress)
    give_up, pause = monotonic() + SWAP_PATIENCE, 0.05
    while True:
        await heartbeat_lock.acquire()
        try:
            await _publish(swap, outcome, progress)
        except Exception as error:
            heartbeat_lock.release()
            if not is_locked_out(error) or monotonic() > give_up:
                raise
        else:
            return outcome
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 1.0)


async def _compute(context: Context, swap: Publication, progress: Progress) -> Outcome:
    """Compute; what is away is waited for, longer each time, before the run is put back."""
    try:
        return await compute(context.settings, context.sessions, context.engine, swap, progress)
    except* EngineAwayError:
        await asyncio.sleep(AWAY_PAUSE * 2**swap.claimed.attempt)
        raise


async def _publish(swap: Publication, outcome: Outcome, progress: Progress) -> None:
    progress.stop()
    outcome.row["timings"] = progress.timings
    await swap.publish(outcome)


async def _heartbeat(
    context: Context, claimed: Claim, progress: Progress, heartbeat_lock: asyncio.Lock
) -> NoReturn:
    """Prolong the lease and tell the step; ends only by LostRunError or CancelledRunError."""
    pace = Pace()
    while True:
        if pace.is_due(progress.step):
            async with heartbeat_lock:
                pace.told(progress.step)
                await _beat(context, claimed, progress)
        await asyncio.sleep(TICK)


async def _beat(context: Context, claimed: Claim, progress: Progress) -> None:
    data = progress.data()
    try:
        async with context.sessions() as session, session.begin():
            await queue.beat(session, claimed, data)
    except Exception as error:
        if not is_transient(error):
            raise
        log.warning("no sign of life: %s", error)
    if data:
        with suppress(*bus.BUS_ERRORS):
            async with asyncio.timeout(TELL):  # the next sign of life is more than this word
                await bus.publish(context.redis, RunProgress(run_id=claimed.run_id, **data))


async def _failed(context: Context, claimed: Claim, error: Exception) -> None:
    if is_transient(error):
        log.warning("run interrupted: %s", describe(error))
        await _release(context, claimed, describe(error))
    else:
        log.exception("run failed")
        await _end(context, claimed, RunState.FAILED, describe(error))


async def _release(context: Context, claimed: Claim, error: str | None = None) -> None:
    """Put the run back; when PostgreSQL is away the lease runs out instead.

    Only an error counts as an attempt.
    """
    with suppress(Exception):
        async with context.sessions() as session, session.begin():
            await queue.release(session, claimed, claimed.attempt - (error is None), error)


async def _end(context: Context, claimed: Claim, state: RunState, error: str) -> None:
    with suppress(Exception):
        async with context.sessions() as session, session.begin():
            await queue.end(session, claimed, state, error)


async def relay(context: Context) -> None:
    """Publish what commits left in the outbox; Redis may be away, the outbox stays."""
    with suppress(*bus.BUS_ERRORS):
        while await bus.relay(context.sessions, context.redis) == 100:
            pass
